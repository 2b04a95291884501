"""Share of what is there that was found: of foreground pixels, or of words."""

from typing import ClassVar

import numpy as np

from segsweep.config.components import Metric
from segsweep.metrics import Counts
from segsweep.metrics.class_scores import class_mean, class_scores
from segsweep.metrics.hmean import word_scores


class Recall(Metric):
    """Share of what is there that was found: of foreground pixels, or of words."""

    title: ClassVar[str] = "recall"
    tasks: ClassVar[tuple[str, ...]] = ("binary", "multilabel", "text")


def compute(counts: Counts, classes: list[str]) -> dict[str, np.ndarray]:
    """See `segsweep.metrics`."""
    if "words" in counts:
        return {"recall": word_scores(counts)["recall"]}
    return {"recall": class_mean(class_scores(counts, "recall"), classes)}


def compute_images(counts: Counts, classes: list[str]) -> dict[str, np.ndarray]:
    """See `segsweep.metrics`."""
    if "words" in counts:
        return {"recall": word_scores(counts, images=True)["recall"]}
    return compute(counts, classes)
