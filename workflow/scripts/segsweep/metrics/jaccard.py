"""Jaccard index of the foreground: the pixels that are right over all that are true or predicted."""

from typing import ClassVar

import numpy as np

from segsweep.config.components import Metric
from segsweep.metrics import Counts
from segsweep.metrics.class_scores import class_mean, class_scores


class Jaccard(Metric):
    """Jaccard index of the foreground: the pixels that are right over all that are true or predicted."""

    title: ClassVar[str] = "Jaccard index"
    tasks: ClassVar[tuple[str, ...]] = ("binary",)
    usual_of: ClassVar[tuple[str, ...]] = ("binary",)


def compute(counts: Counts, classes: list[str]) -> dict[str, np.ndarray]:
    """See `segsweep.metrics`."""
    return {"jaccard": class_mean(class_scores(counts, "jaccard"), classes)}
