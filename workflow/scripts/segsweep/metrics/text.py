"""Precision, recall and hmean of detected text."""

import numpy as np

from segsweep.text.protocol import Counts, match

NAMES = ("precision", "recall", "hmean")


class TextScores:
    """Counts over a whole split, by the protocol of ICDAR 2015 (`segsweep.text.protocol`)."""

    def __init__(self):
        self.total = Counts(0, 0, 0)
        self.rows: list[dict[str, str | float | int]] = []

    def add(self, name: str, truths: list[np.ndarray], ignored: np.ndarray, detections: list[np.ndarray]) -> None:
        """Count one picture. `truths`, `detections`: polygons (k, 2); `ignored`: bool (number of truths)."""
        counts = match(truths, ignored, detections).counts
        self.total = self.total.plus(counts)
        self.rows.append({"image": name, **counts.scores(), **counts._asdict()})

    def compute(self) -> dict[str, float]:
        """precision, recall and hmean in 0..1 of the counts summed over all pictures; 0 if there was no word."""
        return self.total.scores() if self.total.truths else dict.fromkeys(NAMES, 0.0)

    def images(self) -> list[dict[str, str | float | int]]:
        """A row for each picture, in the order seen: image, precision, recall, hmean, matched, truths, detections."""
        return self.rows
