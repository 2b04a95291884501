"""Jaccard index of probabilities, smoothed with 1, mean over the batches of validation: the metric of Keras recipes.

It is named apart from `jaccard`, which counts pixels of the whole split: this one depends on the batch size by nature,
is near 1 for a batch without foreground in which little is predicted, and has no threshold.

Source: the `jacard_coef` of public Keras U-Nets, (I + 1) / (P + G - I + 1) over the flattened batch; Keras averages it
over the batches, each counting the same, the last one as well.
"""

from typing import Any, ClassVar

import numpy as np
import torch

from segsweep.config.components import Metric
from segsweep.data.void import VOID
from segsweep.metrics import Counts
from segsweep.network_outputs import main_logits


class SoftJaccard(Metric):
    """Jaccard index of probabilities, smoothed with 1, mean over the batches of validation."""

    title: ClassVar[str] = "soft Jaccard index"
    tasks: ClassVar[tuple[str, ...]] = ("binary",)
    functions: ClassVar[tuple[str, ...]] = ("count", "compute")
    of_images: ClassVar[bool] = False
    of_batches: ClassVar[bool] = True


def count(outputs: Any, batch: dict) -> torch.Tensor:
    """float64 (3,) over the valid pixels: sums of probability times foreground (I), of probability (P), of foreground
    (G).

    Args:
        outputs: of a network with a binary output.
        batch: with "mask" int64 (B, H, W), 255 void.
    """
    mask, probability = batch["mask"], torch.sigmoid(main_logits(outputs)[:, 0].float())
    foreground = mask == 1
    sums = [probability * foreground, probability * (mask != VOID), foreground]
    return torch.stack([values.sum(dtype=torch.float64) for values in sums])


def compute(counts: Counts, classes: list[str]) -> dict[str, np.ndarray]:
    """See `segsweep.metrics`; of batches."""
    both, predicted, there = np.moveaxis(counts["soft_jaccard"], -1, 0)
    return {"soft_jaccard": (both + 1) / (predicted + there - both + 1)}
