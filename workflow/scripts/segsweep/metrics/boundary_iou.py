"""Boundary IoU: the Jaccard index of the bands along the inner side of two masks' edges, 2 % of the image's diagonal
wide.

Of each class the mean over the images in which prediction or ground truth have it. The image's border is an edge of
what reaches it; void pixels belong to whatever lies beside them. It needs the predictions, so it is computed by
`evaluate_run` only.

Source: Cheng, Girshick, Dollár, Berg, Kirillov 2021, "Boundary IoU: improving object-centric image segmentation
evaluation", section 4.
"""

from typing import Any, ClassVar

import cv2
import numpy as np

from segsweep.config.components import Metric
from segsweep.metrics import Counts
from segsweep.metrics.class_masks import ClassMasks, image_means, image_scores

WIDTH = 0.02  # of the image's diagonal


class BoundaryIou(Metric):
    """Jaccard index of the bands along the edges: mean over images, then over the scored classes."""

    title: ClassVar[str] = "Boundary IoU"
    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "multilabel", "multitask")
    own_counts: ClassVar[str] = "boundary_iou"


def count(predictions: list[dict[str, Any]], batch: dict) -> dict[str, np.ndarray]:
    """{"boundary_iou": float64 (B, C, 2)}, as `image_scores` makes them of a batch."""
    return {"boundary_iou": image_scores(predictions, batch, boundary_iou)[0]}


def compute(counts: Counts, classes: list[str]) -> dict[str, np.ndarray]:
    """See `segsweep.metrics`."""
    return image_means("boundary_iou", counts["boundary_iou"], classes)


def boundary_iou(masks: ClassMasks) -> tuple[float]:
    """Of a class in an image, 0..1; nan without a band in prediction or ground truth."""
    found, there = _band(masks.predicted, masks.void), _band(masks.true, masks.void)
    union = np.count_nonzero(found | there)
    return (np.count_nonzero(found & there) / union if union else np.nan,)


def _band(inside: np.ndarray, void: np.ndarray) -> np.ndarray:
    """bool (H, W): pixels of a mask at most so many steps (to any of eight neighbours) from what is outside of it."""
    steps = max(1, round(WIDTH * float(np.hypot(*inside.shape))))
    square = np.ones((2 * steps + 1, 2 * steps + 1), np.uint8)
    core = cv2.erode((inside | void).astype(np.uint8), square, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return inside & ~core.astype(bool)
