"""How far an exported network is from the trained one, at two sizes of images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from segsweep.data.loading import MULTIPLE
from segsweep.inference.trained_model import TrainedModel
from segsweep.model_export.portable_network import STORED, Traceable, own_size

TOLERANCE = 1e-4
Network = Callable[[np.ndarray], Sequence[np.ndarray]]


@dataclass(frozen=True)
class Agreement:
    """How an exported network was compared.

    Attributes:
        size: batch, height and width of the images.
        difference: the largest one of all outputs; of values above 1 relative to the largest one of their output.
        problem: why it could not compute images of this size; empty if it did.
    """

    size: tuple[int, int, int]
    difference: float
    problem: str = ""

    @property
    def holds(self) -> bool:
        """Whether the difference is within the tolerance."""
        return not self.problem and self.difference <= TOLERANCE

    @property
    def in_words(self) -> str:
        """What was found."""
        batch, height, width = self.size
        what = self.problem or f"the outputs differ by {self.difference:.1g}; {TOLERANCE:g} is allowed"
        return f"of {batch} x {height} x {width} pixels, {what}"


def sizes_to_try(model: TrainedModel) -> list[tuple[int, int, int]]:
    """Batch, height and width: an image as validation has them, and a batch of larger ones with odd sides."""
    height, width = own_size(model)
    return [(1, height, width), (2, height + MULTIPLE + 5, width + 2 * MULTIPLE + 11)]


def compare(model: TrainedModel, network: Network, size: tuple[int, int, int], values: str) -> Agreement:
    """Compare a network with a trained model, on noise.

    Args:
        model: on the CPU.
        network: float32 (B, c, H, W) of such values to its outputs, in order.
        size: batch, height and width.
        values: see `segsweep.model_export.portable_network.portable`.
    """
    stored = noise(model, size)
    expected = trained_outputs(model, stored)
    given = torch.from_numpy(stored) if values == STORED else model.forward.normalize(torch.from_numpy(stored))
    try:
        found = network(given.to(torch.float32).numpy())
    except Exception as error:  # each runtime raises kinds of its own
        return Agreement(size, float("nan"), str(error).strip().splitlines()[0])
    if any(one.shape != other.shape for one, other in zip(found, expected, strict=True)):
        return Agreement(size, float("nan"), f"outputs of the shapes {[one.shape for one in found]}")
    # numpy's maximum, for which NaN is the largest.
    return Agreement(size, float(np.max([difference(*pair) for pair in zip(found, expected, strict=True)])))


def difference(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference, relative to the largest expected value where that is above 1."""
    return float(np.abs(found - expected).max() / max(1.0, np.abs(expected).max()))


def noise(model: TrainedModel, size: tuple[int, int, int]) -> np.ndarray:
    """Stored values (B, c, H, W), drawn evenly between black and white."""
    prepared, (batch, height, width) = model.prepared, size
    low, high = prepared.bounds[..., None, None]
    drawn = np.random.default_rng(0).uniform(low, high, (batch, prepared.channels, height, width))
    return drawn.astype(prepared.dtype)


def trained_outputs(model: TrainedModel, stored: np.ndarray) -> list[np.ndarray]:
    """What the trained network gives in float32, of images filled up as the loader does; maps of the images' size."""
    height, width = stored.shape[-2:]
    sides = (height + -height % MULTIPLE, width + -width % MULTIPLE)
    filled = np.empty((*stored.shape[:2], *sides), stored.dtype)
    filled[:] = model.prepared.fill[:, None, None]
    filled[..., :height, :width] = stored
    with torch.inference_mode():
        outputs = Traceable(model.forward.model, model.prepared.task)(model.forward.normalize(torch.from_numpy(filled)))
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    return [one[..., :height, :width].numpy() if one.dim() == 4 else one.numpy() for one in outputs]
