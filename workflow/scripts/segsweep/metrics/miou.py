"""Mean Jaccard index over the classes that occur in ground truth or prediction, the background included."""

from typing import ClassVar

import numpy as np

from segsweep.config.components import Metric
from segsweep.metrics import Counts
from segsweep.metrics.class_scores import class_mean, class_scores


class Miou(Metric):
    """Mean Jaccard index over the classes that occur in ground truth or prediction, the background included."""

    title: ClassVar[str] = "mIoU"
    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "multilabel", "multitask")
    usual_of: ClassVar[tuple[str, ...]] = ("multiclass", "multilabel", "multitask")


def compute(counts: Counts, classes: list[str]) -> dict[str, np.ndarray]:
    """See `segsweep.metrics`. Of binary masks it is the mean of foreground and background."""
    jaccard = class_scores(counts, "jaccard")
    return {"miou": class_mean(jaccard, ["any"] * jaccard.shape[-1])}
