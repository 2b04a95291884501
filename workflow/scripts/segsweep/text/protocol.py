"""The protocol of ICDAR 2015: which detections count, and which of them are right."""

from typing import NamedTuple

import numpy as np

from segsweep.text.geometry import covered, iou

IOU = 0.5
DONT_CARE_SHARE = 0.5


class Counts(NamedTuple):
    """What scores are made of; counts of pictures add up."""

    matched: int  # readable words found
    truths: int  # readable words
    detections: int  # detections that count

    def plus(self, other: "Counts") -> "Counts":
        return Counts(*(a + b for a, b in zip(self, other, strict=True)))

    def scores(self) -> dict[str, float]:
        """precision, recall and hmean in 0..1.

        Without a word to find recall is 1, and precision is 1 if nothing was found, else 0, as ICDAR's script has it
        for a single picture.
        """
        if not self.truths:
            precision, recall = float(not self.detections), 1.0
        else:
            precision = self.matched / self.detections if self.detections else 0.0
            recall = self.matched / self.truths
        both = precision + recall
        return {"precision": precision, "recall": recall, "hmean": 2 * precision * recall / both if both else 0.0}


class Match(NamedTuple):
    """How the detections of one picture meet its words."""

    counts: Counts
    pairs: list[tuple[int, int]]  # (word, detection)
    dont_care: np.ndarray  # bool (number of detections): not counted


def match(truths: list[np.ndarray], ignored: np.ndarray, detections: list[np.ndarray]) -> Match:
    """Match detections with the words of one picture, one to one.

    `truths`, `detections`: polygons (k, 2); `ignored`: bool (number of truths), words that are not scored. A detection
    of which more than half lies in an ignored word is not counted. A word and a detection match if their IoU is above
    0.5; each is matched once, in the order given.

    Source: Karatzas et al. 2015, "ICDAR 2015 competition on robust reading", and its evaluation script (task 4.1).
    """
    ignored = np.asarray(ignored, dtype=bool)
    cover = covered(detections, [polygon for polygon, skip in zip(truths, ignored, strict=True) if skip])
    dont_care = (cover > DONT_CARE_SHARE).any(axis=1) if cover.size else np.zeros(len(detections), dtype=bool)
    close = iou(truths, detections) > IOU
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
