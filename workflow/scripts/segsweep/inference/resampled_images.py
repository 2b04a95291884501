"""How far a split's score would vary with other images like these: a bootstrap over images."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from segsweep import metrics
from segsweep.detection.drawn_images import MatchedBoxes

DRAWS = 2000
DRAWS_AT_ONCE = 100  # counts of so many are in memory
FEWEST = 5  # images or groups, below which an interval says nothing
LEVEL = 95  # per cent


@dataclass(frozen=True)
class Interval:
    """Percentile interval of a split's score.

    Attributes:
        low, high: its ends.
        units: images, or groups of images, that were drawn with replacement.
    """

    low: float
    high: float
    units: int


def interval(
    counts: metrics.Counts,
    groups: Sequence[Hashable],
    name: str,
    task: str,
    classes: Sequence[str],
    boxes: Callable[[], MatchedBoxes] | None = None,
) -> Interval | None:
    """The 95 % interval of a score when images are drawn again, groups as a whole.

    The score of a draw is computed from the sum of its images' counts, as that of the split is; so what one image
    weighs follows from its pixels. Draws without anything to score are left out.

    Args:
        counts: arrays with a leading axis of N images whose sums over it are the counts of the split, as
            `segsweep.metrics` describes them.
        groups: (N,) what each image belongs to: drawn together.
        name: of the score, without its split: `miou`.
        task: of the data set.
        classes: all of the data set.
        boxes: gives those of the images, for average precisions, which are no function of sums over images.

    Returns:
        None where there are fewer than five groups, no draw has a score, or the score is no function of these counts.

    Source: Efron, Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13; of groups, section 8.
    """
    units = list(dict.fromkeys(groups))
    if len(units) < FEWEST:
        return None
    matched = None
    if not _is_of_sums(counts, name, task, classes):
        if boxes is None:
            return None
        matched = boxes()
    member = np.array([[group == unit for group in groups] for unit in units], float)  # (G, N)
    rng, found = np.random.default_rng(0), []
    for _ in range(DRAWS // DRAWS_AT_ONCE):
        times = rng.multinomial(len(units), np.full(len(units), 1 / len(units)), size=DRAWS_AT_ONCE) @ member
        # Each array (draws, ...), whole numbers.
        drawn = {one: np.tensordot(times, values, axes=1).round().astype(np.int64) for one, values in counts.items()}
        if matched is not None:
            drawn["precision"] = matched.precision(times.round().astype(np.int64))
        found.append(metrics.score(drawn, task, classes, only=[name])[name])
    scores = np.concatenate(found)
    scores = scores[np.isfinite(scores)]
    if not len(scores):
        return None
    low, high = np.percentile(scores, [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
    return Interval(float(low), float(high), len(units))


def _is_of_sums(counts: metrics.Counts, name: str, task: str, classes: Sequence[str]) -> bool:
    """Whether a score can be computed from counts."""
    try:
        metrics.score(counts, task, classes, only=[name])[name]
    except KeyError:
        return False
    return True
