"""Jaccard index of each class."""

from typing import ClassVar

import numpy as np

from segsweep.config.components import Metric
from segsweep.metrics import Counts
from segsweep.metrics.class_scores import class_scores


class Iou(Metric):
    """Jaccard index of each class."""

    title: ClassVar[str] = "IoU"
    tasks: ClassVar[tuple[str, ...]] = ("multiclass", "multilabel", "multitask")
    each_class: ClassVar[str | None] = "all"
    of_images: ClassVar[bool] = False


def compute(counts: Counts, classes: list[str]) -> dict[str, np.ndarray]:
    """See `segsweep.metrics`."""
    jaccard = class_scores(counts, "jaccard")
    return {f"iou/{name}": jaccard[..., i] for i, name in enumerate(classes)}
