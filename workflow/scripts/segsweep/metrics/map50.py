"""Mean average precision of boxes at an overlap of 0.50 over the classes that occur."""

from typing import ClassVar

import numpy as np

from segsweep.config.components import Metric
from segsweep.metrics import Counts
from segsweep.metrics.map import mean_precision

RECALLS = np.linspace(0, 1, 101)


class Map50(Metric):
    """Mean average precision of boxes at an overlap of 0.50 over the classes that occur."""

    title: ClassVar[str] = "mAP50"
    tasks: ClassVar[tuple[str, ...]] = ("multitask",)


def compute(counts: Counts, classes: list[str]) -> dict[str, np.ndarray]:
    """See `segsweep.metrics`."""
    return {"map50": mean_precision(np.asarray(counts["precision"])[..., :1, :, :])}


def compute_images(counts: Counts, classes: list[str]) -> dict[str, np.ndarray]:
    """See `segsweep.metrics`. As of a split with this image alone in it; nan for an image without objects."""
    hits, labels, ground_truths = (counts[name] for name in ("box_hits", "box_labels", "box_ground_truths"))
    found = np.full(len(hits), np.nan)
    for i, (hit, label, true_boxes) in enumerate(zip(hits, labels, ground_truths, strict=True)):
        if true_boxes.any():
            present = np.flatnonzero(true_boxes)
            found[i] = np.mean([average_precision(hit[label == k] == 1, int(true_boxes[k])) for k in present])
    return {"map50": found}


def average_precision(hit: np.ndarray, ground_truths: int) -> float:
    """Average precision of one class over 101 points of recall, 0..1.

    `hit`: bool (m,), best first; `ground_truths`: boxes of the class in the ground truth, at least 1.

    Source: pycocotools' accumulate.
    """
    if not len(hit):
        return 0.0
    hits = np.cumsum(hit)
    recall, precision = hits / ground_truths, hits / np.arange(1, len(hit) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, RECALLS, side="left")
    return float(np.append(envelope, 0.0)[at].mean())
