"""The median rule: a trial that is worse than the median of the others is pruned.

Source: Golovin et al. 2017, "Google Vizier: A Service for Black-Box Optimization", section 3.2.1, with the best score
so far in place of the running mean.
"""

import statistics
from typing import ClassVar, Literal

from segsweep.config.components import RungPruner
from segsweep.config.settings import key


class MedianSettings(RungPruner):
    """Prunes, each `min_epochs`, trials that are worse than the median of the others."""

    title: ClassVar[str] = "the median rule"

    name: Literal["median"] = key("median", "Which pruner.")


def rungs(pruner: MedianSettings, total_epochs: int, bracket: int = 0) -> list[int]:
    """The multiples of `min_epochs`."""
    return list(range(pruner.min_epochs, total_epochs, pruner.min_epochs))


def bracket_sizes(pruner: MedianSettings, total_epochs: int) -> list[int]:
    """One bracket."""
    return [1]


def cutoff(pruner: MedianSettings, scores: dict[int, float | None], trial: int, minimize: bool) -> float | None:
    """The median of the other trials' scores."""
    others = [score for other, score in scores.items() if score is not None and other != trial]
    return statistics.median(others) if others else None
