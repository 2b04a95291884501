"""Share of what was found that is right: of foreground pixels, or of words."""

from typing import ClassVar

import numpy as np

from segsweep.config.components import Metric
from segsweep.metrics import Counts
from segsweep.metrics.class_scores import class_mean, class_scores
from segsweep.metrics.hmean import word_scores


class Precision(Metric):
    """Share of what was found that is right: of foreground pixels, or of words."""

    title: ClassVar[str] = "precision"
    tasks: ClassVar[tuple[str, ...]] = ("binary", "multilabel", "text")


def compute(counts: Counts, classes: list[str]) -> dict[str, np.ndarray]:
    """See `segsweep.metrics`."""
    if "words" in counts:
        return {"precision": word_scores(counts)["precision"]}
    return {"precision": class_mean(class_scores(counts, "precision"), classes)}


def compute_images(counts: Counts, classes: list[str]) -> dict[str, np.ndarray]:
    """See `segsweep.metrics`."""
    if "words" in counts:
        return {"precision": word_scores(counts, images=True)["precision"]}
    return compute(counts, classes)
