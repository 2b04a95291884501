"""The protocol of ICDAR 2015: which detections count, and which of them are right."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from segsweep.text.geometry import covered, iou
from segsweep.text.postprocess import Detections

IOU = 0.5
DONT_CARE_SHARE = 0.5


class Counts(NamedTuple):
    """What scores are made of; counts of images add up."""

    matched: int  # readable words found
    ground_truths: int  # readable words
    detections: int  # detections that count


class Match(NamedTuple):
    """How the detections of one image meet its words."""

    counts: Counts
    pairs: list[tuple[int, int]]  # (word, detection)
    dont_care: np.ndarray  # bool (number of detections): not counted


def match(ground_truths: list[np.ndarray], ignored: np.ndarray, detections: list[np.ndarray]) -> Match:
    """Match detections with the words of one image, one to one.

    `ground_truths`, `detections`: polygons (k, 2); `ignored`: bool, one a ground truth, words that are not scored. A
    detection of which more than half lies in an ignored word is not counted. A word and a detection match if their IoU
    is above 0.5; each is matched once, in the order given.

    Source: Karatzas et al. 2015, "ICDAR 2015 competition on robust reading", and its evaluation script (task 4.1).
    """
    ignored = np.asarray(ignored, dtype=bool)
    cover = covered(detections, [polygon for polygon, skip in zip(ground_truths, ignored, strict=True) if skip])
    dont_care = (cover > DONT_CARE_SHARE).any(axis=1) if cover.size else np.zeros(len(detections), dtype=bool)
    close = iou(ground_truths, detections) > IOU
    close[ignored] = False
    close[:, dont_care] = False
    pairs = []
    for word, detection in np.argwhere(close):  # by word, then by detection
        close_free = close[word, detection]
        if close_free:
            pairs.append((int(word), int(detection)))
            close[word] = False
            close[:, detection] = False
    counts = Counts(len(pairs), int((~ignored).sum()), int((~dont_care).sum()))
    return Match(counts, pairs, dont_care)


class WordCounter:
    """Counts of words in each image of a split."""

    def __init__(self):
        self._names: list[str] = []
        self._counts: list[Counts] = []

    def add(self, predictions: Sequence[Detections], batch: dict) -> None:
        """Count predictions; `batch` with "name", "polygons" (for each image (k, 2) each) and "ignored" (bool (n,))."""
        images = zip(batch["name"], batch["polygons"], batch["ignored"], predictions, strict=True)
        for name, polygons, ignored, found in images:
            self._names.append(name)
            self._counts.append(match(polygons, ignored, found.polygons).counts)

    def totals(self) -> dict[str, np.ndarray]:
        """{"words": int64 (3,)}: matched, ground truths, detections."""
        return {"words": self._stacked().sum(0)}

    def images(self) -> dict[str, np.ndarray]:
        """{"names": (N,), "words": int64 (N, 3)} of each image, in the order in which they came."""
        return {"names": np.array(self._names, dtype=str), "words": self._stacked()}

    def _stacked(self) -> np.ndarray:
        return np.array(self._counts, np.int64).reshape(-1, len(Counts._fields))
