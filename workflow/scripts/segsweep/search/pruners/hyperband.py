"""Hyperband: brackets of successive halving, each of which starts to judge at a later epoch.

Source: Li et al. 2018, "Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization", algorithm 1; rungs
counted from the smallest number of epochs, min_epochs * eta^(bracket + i), as in Li et al. 2020, "A System for
Massively Parallel Hyperparameter Tuning", algorithm 1.
"""

import math
from typing import ClassVar, Literal

from segsweep.config.components import RungPruner
from segsweep.config.settings import key
from segsweep.search.pruners.halving import ROUNDING, best_share, geometric_rungs


class HyperbandSettings(RungPruner):
    """Deals trials out to brackets; bracket s promotes the best one in `eta` at epochs min_epochs * eta^(s + i)."""

    title: ClassVar[str] = "Hyperband"

    name: Literal["hyperband"] = key("hyperband", "Which pruner.")
    eta: float = key(3, "One in eta is promoted at each rung.", gt=1)
    brackets: int | None = key(None, "Number of brackets; as many as fit if not set.", ge=1)


def rungs(pruner: HyperbandSettings, total_epochs: int, bracket: int = 0) -> list[int]:
    """min_epochs * eta^(bracket + i), rounded down."""
    return geometric_rungs(pruner.min_epochs, pruner.eta, total_epochs, bracket)


def bracket_sizes(pruner: HyperbandSettings, total_epochs: int) -> list[int]:
    """Trials that each bracket has in one round, the one that prunes earliest first.

    n = ceil(B / (s + 1) * eta^s) for the bracket that halves s times, of B = floor(log_eta(total_epochs / min_epochs))
    + 1 brackets. If fewer are set, those that prune latest are left out.
    """
    count = 1
    while pruner.min_epochs * pruner.eta**count <= total_epochs + ROUNDING:
        count += 1
    sizes = [math.ceil(count / (s + 1) * pruner.eta**s - ROUNDING) for s in range(count - 1, -1, -1)]
    return sizes[: pruner.brackets or count]


def cutoff(pruner: HyperbandSettings, scores: dict[int, float | None], trial: int, minimize: bool) -> float | None:
    """The score of the last of the best one in `eta` of the bracket's trials."""
    return best_share(pruner.eta, scores, minimize)
