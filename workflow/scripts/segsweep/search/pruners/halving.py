"""Successive halving: at each rung the best one in `eta` is promoted.

Source: Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning", algorithm 1, of which the rungs are;
Jamieson and Talwalkar 2016, "Non-stochastic Best Arm Identification and Hyperparameter Optimization".
"""

import math
from typing import ClassVar, Literal

from segsweep.config.components import RungPruner
from segsweep.config.settings import key

# A product of floats that should be whole may fall short of it by this.
ROUNDING = 1e-9


class HalvingSettings(RungPruner):
    """Promotes the best one in `eta` at epochs min_epochs, min_epochs * eta, min_epochs * eta^2, ..."""

    title: ClassVar[str] = "successive halving"

    name: Literal["halving"] = key("halving", "Which pruner.")
    eta: float = key(3, "One in eta is promoted at each rung.", gt=1)


def rungs(pruner: HalvingSettings, total_epochs: int, bracket: int = 0) -> list[int]:
    """min_epochs * eta^i, rounded down."""
    return geometric_rungs(pruner.min_epochs, pruner.eta, total_epochs)


def bracket_sizes(pruner: HalvingSettings, total_epochs: int) -> list[int]:
    """One bracket."""
    return [1]


def cutoff(pruner: HalvingSettings, scores: dict[int, float | None], trial: int, minimize: bool) -> float | None:
    """The score of the last of the best one in `eta`."""
    return best_share(pruner.eta, scores, minimize)


def geometric_rungs(min_epochs: int, eta: float, total_epochs: int, first: int = 0) -> list[int]:
    """min_epochs * eta^(first + i), rounded down, below `total_epochs`; each once."""
    found: list[int] = []
    exponent = first
    while (epoch := math.floor(min_epochs * eta**exponent + ROUNDING)) < total_epochs:
        if not found or epoch > found[-1]:
            found.append(epoch)
        exponent += 1
    return found


def best_share(eta: float, scores: dict[int, float | None], minimize: bool) -> float | None:
    """The score of the last of the best 1/eta of the trials, at least one; failed trials count among those behind."""
    known = sorted((score for score in scores.values() if score is not None), reverse=not minimize)
    promoted = max(1, math.floor(len(scores) / eta + ROUNDING))
    return known[min(promoted, len(known)) - 1] if known else None
