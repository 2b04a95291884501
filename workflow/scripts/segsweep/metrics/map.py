"""Mean average precision of boxes over overlaps of 0.50 to 0.95 and the classes that occur, as COCO's."""

from typing import ClassVar

import numpy as np

from segsweep.config.components import Metric
from segsweep.metrics import Counts


class Map(Metric):
    """Mean average precision of boxes over overlaps of 0.50 to 0.95 and the classes that occur, as COCO's.

    Source: Lin et al. 2014, Microsoft COCO; pycocotools, which torchmetrics runs.
    """

    title: ClassVar[str] = "mAP"
    tasks: ClassVar[tuple[str, ...]] = ("multitask",)
    of_images: ClassVar[bool] = False


def compute(counts: Counts, classes: list[str]) -> dict[str, np.ndarray]:
    """See `segsweep.metrics`."""
    return {"map": mean_precision(np.asarray(counts["precision"]))}


def mean_precision(precision: np.ndarray) -> np.ndarray:
    """Means of what is not -1 over the last three axes, float64 (..., 10, 101, K) to (...); nan of nothing."""
    means = [float(one[one > -1].mean()) if (one > -1).any() else np.nan for one in _flat(precision)]
    return np.array(means).reshape(precision.shape[:-3])


def _flat(precision: np.ndarray) -> np.ndarray:
    return precision.reshape(-1, *precision.shape[-3:])
