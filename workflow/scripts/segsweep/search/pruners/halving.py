"""Successive halving: at each rung the best one in `eta` is promoted.

Source: Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning", algorithm 1, of which the rungs are;
Jamieson and Talwalkar 2016, "Non-stochastic Best Arm Identification and Hyperparameter Optimization".
"""

import math
from typing import ClassVar, Literal

from segsweep.config.search_components import ROUNDING, GeometricPruner
from segsweep.config.settings import key


class HalvingSettings(GeometricPruner):
    """Promotes the best one in `eta` at epochs min_epochs, min_epochs * eta, min_epochs * eta^2, ..."""

    title: ClassVar[str] = "successive halving"

    name: Literal["halving"] = key("halving", "Which pruner.")


def cutoff(pruner: GeometricPruner, scores: dict[int, float | None], trial: int, minimize: bool) -> float | None:
    """The score of the last of the best one in `eta`, at least one; failed trials count among those behind."""
    known = sorted((score for score in scores.values() if score is not None), reverse=not minimize)
    promoted = max(1, math.floor(len(scores) / pruner.eta + ROUNDING))
    return known[min(promoted, len(known)) - 1] if known else None
