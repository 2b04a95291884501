"""A trained network as it leaves segsweep: one tensor in, named tensors out, sides of any length.

A batch of the loader is filled up at the right and bottom to sides of a multiple of 32 (`segsweep.data.loading`). Here
that is part of the network, so an image of any size gives what it gives in validation.
"""

from copy import deepcopy
from typing import Any

import torch
from torch import nn

from segsweep.data.loading import MULTIPLE
from segsweep.detection.boxes import decode
from segsweep.detection.locations import locations
from segsweep.inference.trained_model import TrainedModel
from segsweep.models.surgery import replace
from segsweep.network_outputs import main_logits

NORMALIZED, STORED = "normalized", "stored"
INPUT = "image"
# Names of the outputs, by task.
OUTPUTS = {"multitask": ("logits", "boxes", "box_scores"), "text": ("probability",)}
MASK_OUTPUTS = ("logits",)


def outputs_of(task: str) -> tuple[str, ...]:
    """Names of what an exported network of a task gives, in order."""
    return OUTPUTS.get(task, MASK_OUTPUTS)


class Traceable(nn.Module):
    """A network whose outputs are a map, or a tuple that begins with one.

    Takes float32 (B, c, H, W), sides multiples of 32. Gives logits float32 (B, C, H, W); of the task `text` the
    probability (B, 1, H, W); of `multitask` the logits, boxes (B, N, 4) as corners in pixels and their scores
    (B, N, K) in 0..1 for the K classes without background.
    """

    def __init__(self, network: nn.Module, task: str):
        super().__init__()
        self.network, self.task = network, task

    def forward(self, image: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        outputs = self.network(image)
        if self.task == "text":
            return outputs["probability"].float()
        logits = main_logits(outputs).float()
        return (logits, *boxes_and_scores(outputs["det"])) if self.task == "multitask" else logits


def boxes_and_scores(outputs: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """Corners in pixels and scores of all locations; `segsweep.detection.decoding` says which of them are objects."""
    points, strides = locations(outputs["levels"], outputs["logits"].device)
    scores = (outputs["logits"].float().sigmoid() * outputs["centerness"].float().sigmoid()[..., None]).sqrt()
    return decode(points, outputs["distances"].float(), strides), scores


class PortablePool(nn.Module):
    """Means over a grid of cells of a map of any size, as `nn.AdaptiveAvgPool2d` with a square output.

    ONNX has no such layer for a size that is not known beforehand; as two products of matrices it can be written.
    """

    def __init__(self, cells: int):
        super().__init__()
        self.cells = cells

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return self.shares(maps, 2) @ maps @ self.shares(maps, 3).T

    def shares(self, maps: torch.Tensor, dim: int) -> torch.Tensor:
        """float32 (cells, side): the share of each row or column in the mean of each cell; cells may overlap."""
        side = maps.shape[dim]
        cell = torch.arange(self.cells, device=maps.device)[:, None]
        position = torch.arange(side, device=maps.device)[None]
        # From floor(cell * side / cells) to ceil((cell + 1) * side / cells), the latter exclusive.
        inside = (position >= cell * side // self.cells) & (position * self.cells < (cell + 1) * side)
        inside = inside.to(maps.dtype)
        return inside / inside.sum(1, keepdim=True)


def with_portable_pools(network: nn.Module) -> nn.Module:
    """A copy of a network that pools to grids as ONNX can."""
    network = deepcopy(network)
    replace(network, lambda layer: cells_of(layer) > 1, lambda layer: PortablePool(cells_of(layer)))
    return network


def cells_of(layer: nn.Module) -> int:
    """The cells across and down that a layer pools to; 0 where it does not, or not to a square."""
    size = layer.output_size if type(layer) is nn.AdaptiveAvgPool2d else 0
    if isinstance(size, tuple):
        return size[0] if size[0] == size[1] else 0
    return size


class Framed(nn.Module):
    """Images of any size, as values that are stored or normalized, to the outputs of a traced network.

    Written so that TorchScript compiles it: what depends on an image's size is computed, not traced.
    """

    def __init__(self, traced: nn.Module, fill: torch.Tensor, mean: torch.Tensor, divisor: torch.Tensor, scale: float):
        """
        Args:
            traced: a `Traceable`, traced.
            fill: float32 (1, c, 1, 1), what lies beyond an image's edge, in the values that come in.
            mean, divisor: float32 (1, c, 1, 1), and scale: (x / scale - mean) / divisor is what the network sees.
        """
        super().__init__()
        self.traced, self.scale, self.multiple = traced, scale, MULTIPLE
        for name, values in (("fill", fill), ("mean", mean), ("divisor", divisor)):
            self.register_buffer(name, values)

    def inside(self, image: torch.Tensor) -> torch.Tensor:
        """The images filled up to sides of a multiple of 32, and normalized."""
        batch, channels = image.size(0), image.size(1)
        height, width = image.size(2), image.size(3)
        bottom, right = -height % self.multiple, -width % self.multiple
        image = torch.cat([image, self.fill.expand(batch, channels, height, right)], dim=3)
        image = torch.cat([image, self.fill.expand(batch, channels, bottom, width + right)], dim=2)
        return (image / self.scale - self.mean) / self.divisor


class FramedMap(Framed):
    """One map: masks or text."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.traced(self.inside(image))[:, :, : image.size(2), : image.size(3)]


class FramedBoxes(Framed):
    """A map and boxes: masks and objects."""

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        logits, boxes, scores = self.traced(self.inside(image))
        return logits[:, :, : image.size(2), : image.size(3)], boxes, scores


def own_size(model: TrainedModel) -> tuple[int, int]:
    """Height and width of the validation images, the first of them, with what the loader adds."""
    height, width = model.prepared.splits["val"].sizes[0].tolist()
    return height + -height % MULTIPLE, width + -width % MULTIPLE


def portable(model: TrainedModel, values: str = NORMALIZED) -> torch.jit.ScriptModule:
    """The network of a trained model as TorchScript, in float32 on the CPU, in evaluation mode.

    Args:
        model: on the CPU. It is traced with an image of the size that validation images have.
        values: `normalized`: the images that come in are normalized already; `stored`: they are as stored in files
            (0..255 of 8-bit images), as float32.

    Returns:
        float32 (B, c, H, W), any B, H and W, to what `Traceable` gives, maps of the image's size.
    """
    normalize, prepared = model.forward.normalize, model.prepared
    fill = torch.as_tensor(prepared.fill.astype("float32")).view(1, -1, 1, 1)
    network = Traceable(with_portable_pools(model.forward.model.eval()), prepared.task)
    example = torch.zeros(1, prepared.channels, *own_size(model))
    with torch.no_grad():
        traced = torch.jit.trace(network, example, check_trace=False)
    frame = FramedBoxes if prepared.task == "multitask" else FramedMap
    if values == STORED:
        made = frame(traced, fill, normalize.mean, normalize.std, float(normalize.scale))
    else:
        made = frame(traced, normalize(fill), torch.zeros_like(fill), torch.ones_like(fill), 1.0)
    return torch.jit.script(made.eval())
