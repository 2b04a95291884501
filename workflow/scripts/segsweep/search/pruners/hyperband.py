"""Hyperband: brackets of successive halving, each of which starts to judge at a later epoch.

Source: Li et al. 2018, "Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization", algorithm 1; rungs
counted from the smallest number of epochs, min_epochs * eta^(bracket + i), as in Li et al. 2020, "A System for
Massively Parallel Hyperparameter Tuning", algorithm 1.
"""

import math
from typing import ClassVar, Literal

from segsweep.config.search_components import ROUNDING, GeometricPruner
from segsweep.config.settings import key
from segsweep.search.pruners import halving


class HyperbandSettings(GeometricPruner):
    """Deals trials out to brackets; bracket s promotes the best one in `eta` at epochs min_epochs * eta^(s + i)."""

    title: ClassVar[str] = "Hyperband"

    name: Literal["hyperband"] = key("hyperband", "Which pruner.")
    brackets: int | None = key(
        None, "Number of brackets; as many as judge their trials at least once if not set.", ge=1
    )

    @property
    def revision(self) -> int:
        """2 where the number of brackets is not set: it was one more, which judged no trial."""
        return 2 if self.brackets is None else 1

    def bracket_sizes(self, total_epochs: int) -> list[int]:
        """Trials that each bracket has in one round, the one that prunes earliest first.

        n = ceil(B / (s + 1) * eta^s) for the bracket that halves s times, of B = floor(log_eta(total_epochs /
        min_epochs)) + 1 brackets. If fewer are used, those that prune latest are left out.
        """
        count = 1
        while self.min_epochs * self.eta**count <= total_epochs + ROUNDING:
            count += 1
        sizes = [math.ceil(count / (s + 1) * self.eta**s - ROUNDING) for s in range(count - 1, -1, -1)]
        judging = sum(bool(self.rungs(total_epochs, bracket)) for bracket in range(count))
        return sizes[: self.brackets or max(judging, 1)]


def cutoff(pruner: HyperbandSettings, scores: dict[int, float | None], trial: int, minimize: bool) -> float | None:
    """The score of the last of the best one in `eta` of the bracket's trials."""
    return halving.cutoff(pruner, scores, trial, minimize)
