"""Mean of the recalls of the classes that occur in the ground truth."""

from typing import ClassVar

import numpy as np

from segsweep.config.components import Metric
from segsweep.metrics import Counts
from segsweep.metrics.class_scores import class_mean, class_scores


class MeanAccuracy(Metric):
    """Mean of the recalls of the classes that occur in the ground truth."""

    title: ClassVar[str] = "mean accuracy"
    tasks: ClassVar[tuple[str, ...]] = ("multiclass", "multitask")


def compute(counts: Counts, classes: list[str]) -> dict[str, np.ndarray]:
    """See `segsweep.metrics`."""
    in_ground_truth = np.asarray(counts["confusion"]).sum(-1) > 0
    return {"mean_accuracy": class_mean(np.where(in_ground_truth, class_scores(counts, "recall"), np.nan), classes)}
