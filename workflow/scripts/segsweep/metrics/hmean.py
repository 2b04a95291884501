"""Harmonic mean of the precision and the recall of words."""

from typing import ClassVar

import numpy as np

from segsweep.config.components import Metric
from segsweep.metrics import Counts


class Hmean(Metric):
    """Harmonic mean of the precision and the recall of words.

    Source: Karatzas et al. 2015, ICDAR 2015 competition on robust reading.
    """

    title: ClassVar[str] = "H-mean"
    tasks: ClassVar[tuple[str, ...]] = ("text",)
    usual_of: ClassVar[tuple[str, ...]] = ("text",)


def compute(counts: Counts, classes: list[str]) -> dict[str, np.ndarray]:
    """See `segsweep.metrics`."""
    return {"hmean": word_scores(counts)["hmean"]}


def compute_images(counts: Counts, classes: list[str]) -> dict[str, np.ndarray]:
    """See `segsweep.metrics`."""
    return {"hmean": word_scores(counts, images=True)["hmean"]}


def word_scores(counts: Counts, *, images: bool = False) -> dict[str, np.ndarray]:
    """precision, recall and hmean in 0..1, each float64 (...).

    Without a word to find, a split has 0 of each; an image has a recall of 1, and a precision of 1 if nothing was
    found, else 0, as ICDAR's script has it. `images`: whether each entry is an image.
    """
    matched, ground_truths, found = np.moveaxis(np.asarray(counts["words"], np.float64), -1, 0)
    precision = matched / np.maximum(found, 1)
    recall = matched / np.maximum(ground_truths, 1)
    precision = np.where(ground_truths > 0, precision, (found == 0) if images else 0.0)
    recall = np.where(ground_truths > 0, recall, float(images))
    both = precision + recall
    hmean = np.where(both > 0, 2 * precision * recall / np.where(both > 0, both, 1.0), 0.0)
    return {"precision": precision, "recall": recall, "hmean": hmean}
