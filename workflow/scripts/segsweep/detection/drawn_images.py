"""COCO's table of precisions when the images of a split are drawn again: what was found is matched once."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from segsweep.detection.counts import ALL_AREAS, NO_VALUE, OVERLAPS, RECALLS, BoxCounter
from segsweep.detection.ignored_boxes import VocDifficultBackend, VocDifficultEval


@dataclass(frozen=True)
class MatchedClass:
    """The boxes of one class that were found in a split, best first.

    Attributes:
        index: of the class.
        image: int (n,), index of each box's image.
        hit, miss: bool (10, n), by overlap; neither of a box that is left out, see
            `segsweep.detection.ignored_boxes`.
        ground_truths: int (N,), boxes of the ground truth in each image that count.
    """

    index: int
    image: np.ndarray
    hit: np.ndarray
    miss: np.ndarray
    ground_truths: np.ndarray

    def precision(self, times: np.ndarray) -> np.ndarray:
        """See `MatchedBoxes.precision`; float64 (draws, 10, 101).

        An image that was drawn n times counts as n images whose boxes follow each other. That is COCO's evaluation of
        these images, as only the last of equal boxes can be the one whose precision counts.

        Source: pycocotools' accumulate.
        """
        found = np.zeros((len(times), len(OVERLAPS), len(RECALLS)))
        weights, ground_truths = times[:, self.image].astype(float), times @ self.ground_truths
        for k, (hit, miss) in enumerate(zip(self.hit, self.miss, strict=True)):
            hits, misses = np.cumsum(weights * hit, axis=1), np.cumsum(weights * miss, axis=1)
            precision = hits / (hits + misses + np.spacing(1))
            envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
            for i in np.flatnonzero(ground_truths):
                at = np.searchsorted(hits[i] / ground_truths[i], RECALLS, side="left")
                found[i, k] = np.append(envelope[i], 0.0)[at]
        found[ground_truths == 0] = NO_VALUE
        return found


@dataclass(frozen=True)
class MatchedBoxes:
    """What was found in the images of a split, matched with their ground truth.

    Attributes:
        classes: K.
        matched: those that occur anywhere.
    """

    classes: int
    matched: list[MatchedClass]

    @classmethod
    def of(cls, counter: BoxCounter) -> "MatchedBoxes":
        """Those of all images that were counted, in their order. The counter's totals are computed by the way."""
        backend = _KeepingBackend()
        counter.metric._coco_backend = backend  # of which torchmetrics has no argument
        counter.metric._computed = None
        counter.metric.compute()
        (evaluation,) = backend.evaluations
        ids, images, areas = evaluation.params.catIds, len(evaluation.params.imgIds), len(evaluation.params.areaRng)
        first = [(k * areas + ALL_AREAS) * images for k in range(len(ids))]
        return cls(
            counter.classes,
            [_matched(ids[k], evaluation.evalImgs[start : start + images]) for k, start in enumerate(first)],
        )

    def precision(self, times: np.ndarray) -> np.ndarray:
        """The table of `BoxCounter.totals` of images that were drawn.

        Args:
            times: int (draws, N), how often an image is in a draw.

        Returns:
            float64 (draws, 10, 101, K); -1 of a class without a box in the ground truth of a draw.
        """
        table = np.full((len(times), len(OVERLAPS), len(RECALLS), self.classes), float(NO_VALUE))
        for one in self.matched:
            table[..., one.index] = one.precision(times)
        return table


class _KeepingBackend(VocDifficultBackend):
    """Keeps the evaluations that torchmetrics makes."""

    def __init__(self) -> None:
        super().__init__()
        self.evaluations: list[VocDifficultEval] = []

    @property
    def cocoeval(self) -> Callable[..., VocDifficultEval]:
        """What torchmetrics evaluates with."""

        def made(*args, **options) -> VocDifficultEval:
            self.evaluations.append(VocDifficultEval(*args, **options))
            return self.evaluations[-1]

        return made


def _matched(index: int, images: list[dict | None]) -> MatchedClass:
    """A class, of what pycocotools found in each image; None where there is nothing of it."""
    ground_truths = np.array([0 if one is None else int((np.asarray(one["gtIgnore"]) == 0).sum()) for one in images])
    some = [(i, one) for i, one in enumerate(images) if one is not None and len(one["dtScores"])]
    if not some:
        nothing = np.zeros((len(OVERLAPS), 0), bool)
        return MatchedClass(index, np.zeros(0, int), nothing, nothing, ground_truths)
    image = np.concatenate([np.full(len(one["dtScores"]), i) for i, one in some])
    order = np.argsort(-np.concatenate([one["dtScores"] for _, one in some]), kind="mergesort")
    hit = np.concatenate([one["dtMatches"] for _, one in some], axis=1)[:, order].astype(bool)
    counts = ~np.concatenate([one["dtIgnore"] for _, one in some], axis=1)[:, order].astype(bool)
    return MatchedClass(index, image[order], hit & counts, ~hit & counts, ground_truths)
