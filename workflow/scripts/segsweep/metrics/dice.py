"""Dice coefficient (F1 of pixels), mean over the scored classes that occur."""

from typing import ClassVar

import numpy as np

from segsweep.config.components import Metric
from segsweep.metrics import Counts
from segsweep.metrics.class_scores import class_mean, class_scores


class Dice(Metric):
    """Dice coefficient (F1 of pixels), mean over the scored classes that occur."""

    title: ClassVar[str] = "Dice coefficient"
    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "multilabel", "multitask")


def compute(counts: Counts, classes: list[str]) -> dict[str, np.ndarray]:
    """See `segsweep.metrics`."""
    return {"dice": class_mean(class_scores(counts, "dice"), classes)}
