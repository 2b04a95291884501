"""Average precision of boxes of each class over overlaps of 0.50 to 0.95, as COCO's."""

from typing import ClassVar

import numpy as np

from segsweep.config.components import Metric
from segsweep.metrics import Counts
from segsweep.metrics.map import mean_precision


class Ap(Metric):
    """Average precision of boxes of each class over overlaps of 0.50 to 0.95, as COCO's."""

    title: ClassVar[str] = "AP"
    tasks: ClassVar[tuple[str, ...]] = ("multitask",)
    each_class: ClassVar[str | None] = "objects"
    of_images: ClassVar[bool] = False


def compute(counts: Counts, classes: list[str]) -> dict[str, np.ndarray]:
    """See `segsweep.metrics`. The background, the first class, has no boxes."""
    precision = np.asarray(counts["precision"])
    return {f"ap/{name}": mean_precision(precision[..., i : i + 1]) for i, name in enumerate(classes[1:])}
