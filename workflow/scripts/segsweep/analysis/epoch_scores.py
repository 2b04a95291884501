"""Columns of scores of all epochs of runs, computed from what their segments counted.

A metric that is added later thus has its column for everything that was trained before.
"""

from collections.abc import Sequence

import numpy as np

from segsweep import metrics
from segsweep.analysis.curves import Curve

SegmentCounts = dict[str, np.ndarray]  # with a leading axis of the segment's epochs; none where nothing was counted


def add_scores(
    curves: Sequence[Curve], counts: Sequence[Sequence[SegmentCounts]], task: str, classes: Sequence[str]
) -> None:
    """Add the columns `val/<metric>` to curves, computed for all of them at once.

    Args:
        curves: the epochs of some runs, of which some may have a column of that name already: it stays.
        counts: for each curve, of each of its segments in order; those that counted add up to its epochs or to none.
        task: of the data set.
        classes: all of the data set.
    """
    parts = [part for segments in counts for part in segments if part and len(next(iter(part.values())))]
    if not parts:
        return
    together = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    scores = {f"val/{name}": values for name, values in metrics.score(together, task, classes).items()}
    start = 0
    for curve, segments in zip(curves, counts, strict=True):
        count = sum(len(next(iter(part.values()))) for part in segments if part)
        if count:
            own = {name: values[start : start + count] for name, values in scores.items() if name not in curve.header}
            curve.add_columns({name: [repr(value) for value in values.tolist()] for name, values in own.items()})
        start += count
