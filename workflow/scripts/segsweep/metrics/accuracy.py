"""Share of the pixels that are right, in foreground and background."""

from typing import ClassVar

import numpy as np

from segsweep.config.components import Metric
from segsweep.metrics import Counts
from segsweep.metrics.class_scores import accuracy


class Accuracy(Metric):
    """Share of the pixels that are right, in foreground and background."""

    title: ClassVar[str] = "accuracy"
    tasks: ClassVar[tuple[str, ...]] = ("binary",)


def compute(counts: Counts, classes: list[str]) -> dict[str, np.ndarray]:
    """See `segsweep.metrics`."""
    return {"accuracy": accuracy(counts)}
