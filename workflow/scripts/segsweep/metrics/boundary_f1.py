"""F1 of the boundaries between classes, found within two pixels of the true ones.

It needs the predictions: training records no counts of boundaries, so it is computed by `evaluate_run` only.

Source: Csurka, Larlus, Perronnin 2013, "What is a good evaluation measure for semantic segmentation?", section 3.
"""

from typing import Any, ClassVar

import cv2
import numpy as np

from segsweep.config.components import Metric
from segsweep.metrics import Counts
from segsweep.metrics.class_masks import class_masks

TOLERANCE = 2  # pixels


class BoundaryF1(Metric):
    """F1 of the boundaries of each class, mean over the scored classes that occur."""

    title: ClassVar[str] = "Boundary F1"
    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "multilabel", "multitask")
    own_counts: ClassVar[str] = "boundaries"


def count(predictions: list[dict[str, Any]], batch: dict) -> dict[str, np.ndarray]:
    """{"boundaries": int64 (B, C, 4)}: of each class the pixels of the predicted boundary, those of them near the true
    one, the pixels of the true boundary, and those of them near the predicted one.

    No boundary lies in void or between void and a class.

    Args:
        predictions, batch: as `class_masks` takes them.
    """
    rows = [[_row(one.predicted, one.true, one.void) for one in image] for image in class_masks(predictions, batch)]
    return {"boundaries": np.array(rows, np.int64)}


def compute(counts: Counts, classes: list[str]) -> dict[str, np.ndarray]:
    """See `segsweep.metrics`."""
    found, right, there, hit = np.moveaxis(counts["boundaries"][..., -len(classes) :, :].astype(np.float64), -1, 0)
    precision = np.divide(right, found, out=np.zeros_like(right), where=found > 0)
    recall = np.divide(hit, there, out=np.zeros_like(hit), where=there > 0)
    both = precision + recall
    f1 = np.divide(2 * precision * recall, both, out=np.zeros_like(both), where=both > 0)
    occurs = (found > 0) | (there > 0)
    total, number = np.where(occurs, f1, 0.0).sum(-1), occurs.sum(-1)
    return {"boundary_f1": np.where(number > 0, total / np.maximum(number, 1), np.nan)}


def _row(predicted: np.ndarray, true: np.ndarray, void: np.ndarray) -> list[int]:
    found, there = _boundary(predicted, void), _boundary(true, void)
    return [found.sum(), (found & _near(there)).sum(), there.sum(), (there & _near(found)).sum()]


def _boundary(inside: np.ndarray, void: np.ndarray) -> np.ndarray:
    """bool (H, W): pixels of a class that touch a pixel of another one, to the sides or above and below."""
    padded = np.pad(inside | void, 1, mode="edge")
    core = padded[1:-1, :-2] & padded[1:-1, 2:] & padded[:-2, 1:-1] & padded[2:, 1:-1]
    return inside & ~core


def _near(boundary: np.ndarray) -> np.ndarray:
    """bool (H, W): at most `TOLERANCE` pixels from a boundary."""
    away = cv2.distanceTransform((~boundary).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return (away <= TOLERANCE) & boundary.any()
