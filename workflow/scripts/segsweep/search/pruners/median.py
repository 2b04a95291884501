"""The median rule: a trial that is worse than the median of the others is pruned.

Source: Golovin et al. 2017, "Google Vizier: A Service for Black-Box Optimization", section 3.2.1, with the best score
so far in place of the running mean.
"""

import statistics
from typing import ClassVar, Literal

from segsweep.config.search_components import IntervalPruner
from segsweep.config.settings import key


class MedianSettings(IntervalPruner):
    """Prunes trials that are worse than the median of the others."""

    title: ClassVar[str] = "the median rule"
    functions: ClassVar[tuple[str, ...]] = ("cutoff",)

    name: Literal["median"] = key("median", "Which pruner.")
    min_trials: int = key(2, "A rung with fewer trials prunes none.", unit="trials", ge=2)


def cutoff(pruner: MedianSettings, scores: dict[int, float | None], trial: int, minimize: bool) -> float | None:
    """The median of the other trials' scores."""
    others = [score for other, score in scores.items() if score is not None and other != trial]
    return statistics.median(others) if others else None
