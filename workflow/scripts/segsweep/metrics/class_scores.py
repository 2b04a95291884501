"""Scores of each class of masks, from counts of pixels: what the metrics of masks are made of.

What 0 / 0 is: a class that occurs neither in the ground truth nor in the prediction has no score (nan), and is left out
of means over classes. One that occurs in either has all scores: precision is 0 if it was never predicted, recall is 0
if it never is the ground truth. An image without foreground in which none was predicted thus has no foreground scores;
to those of the split, made of summed counts, it adds only its pixels rightly called background.
"""

import numpy as np

from segsweep.metrics import Counts

LANES = 4


def ratio(part: np.ndarray, whole: np.ndarray, occurs: np.ndarray) -> np.ndarray:
    """part / whole; 0 where whole is 0, nan where the class does not occur. float64, any one shape."""
    return np.where(occurs, part / np.where(whole > 0, whole, 1.0), np.nan)


def class_scores(counts: Counts, score: str) -> np.ndarray:
    """One score of each class, float64 (..., C), nan where a class does not occur.

    Args:
        counts: with "confusion" (..., C, C), or "labels" (..., C, 2, 2).
        score: jaccard, dice, precision or recall.
    """
    right, true, predicted = class_counts(counts)
    union = true + predicted - right
    part, whole = {
        "jaccard": (right, union),
        "dice": (2 * right, true + predicted),
        "precision": (right, predicted),
        "recall": (right, true),
    }[score]
    return ratio(part, whole, union > 0)


def class_counts(counts: Counts) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels of each class that are right, that are there, and that are predicted: float64 (..., C) each."""
    if "labels" in counts:
        labels = np.asarray(counts["labels"], np.float64)
        return labels[..., 1, 1], labels[..., 1, :].sum(-1), labels[..., :, 1].sum(-1)
    confusion = np.asarray(counts["confusion"], np.float64)
    return np.diagonal(confusion, axis1=-2, axis2=-1), confusion.sum(-1), confusion.sum(-2)


def class_mean(scores: np.ndarray, classes: list[str]) -> np.ndarray:
    """Mean over those of the last `len(classes)` that have a score: float64 (..., C) to (...); nan without any."""
    scores = scores[..., -len(classes) :]
    valid = ~np.isnan(scores)
    with np.errstate(invalid="ignore"):
        return ordered_sum(np.where(valid, scores, 0.0)) / valid.sum(-1)


def accuracy(counts: Counts) -> np.ndarray:
    """Share of the pixels that are right, float64 (...); nan without pixels."""
    confusion = np.asarray(counts["confusion"], np.float64)
    pixels = confusion.sum((-2, -1))
    return ratio(np.diagonal(confusion, axis1=-2, axis2=-1).sum(-1), pixels, pixels > 0)


def ordered_sum(values: np.ndarray) -> np.ndarray:
    """Sums over the last axis, float64 (..., C) to (...), added in one order on every machine.

    It is the order in which torch adds on x86 (up to 256 values): four running sums, each of every fourth value, made
    of four blocks that take turns. Scores of trainings from before metrics were made of counts stay equal to the bit.
    """
    count = values.shape[-1]
    lanes = values[..., : count - count % LANES].reshape(*values.shape[:-1], count // LANES, LANES)
    blocks = lanes.shape[-2] // LANES
    running = [
        _added([lanes[..., LANES * block + i, :] for block in range(blocks)], values.shape[:-1]) for i in range(LANES)
    ]
    running[0] = _added([running[0], *(lanes[..., i, :] for i in range(blocks * LANES, lanes.shape[-2]))])
    each = _added(running)
    rest = [values[..., i] for i in range(count - count % LANES, count)]
    return _added([*rest, *(each[..., i] for i in range(LANES))])


def _added(values: list[np.ndarray], shape: tuple[int, ...] = ()) -> np.ndarray:
    """The sum from the left; zeros (*shape, LANES) of none."""
    total = values[0] if values else np.zeros((*shape, LANES))
    for value in values[1:]:
        total = total + value
    return total
