"""Share of the pixels that are right, of all classes."""

from typing import ClassVar

import numpy as np

from segsweep.config.components import Metric
from segsweep.metrics import Counts
from segsweep.metrics.class_scores import accuracy


class PixelAccuracy(Metric):
    """Share of the pixels that are right, of all classes."""

    title: ClassVar[str] = "pixel accuracy"
    tasks: ClassVar[tuple[str, ...]] = ("multiclass", "multitask")


def compute(counts: Counts, classes: list[str]) -> dict[str, np.ndarray]:
    """See `segsweep.metrics`."""
    return {"pixel_accuracy": accuracy(counts)}
