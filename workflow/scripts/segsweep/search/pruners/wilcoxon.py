"""The Wilcoxon rule: a trial whose runs are significantly worse than those of the best trial so far is pruned.

Runs are paired by seed and fold, so that a fold that is hard for every setting favours none.

Source: `WilcoxonPruner` of Optuna; Wilcoxon 1945, "Individual Comparisons by Ranking Methods".
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

from segsweep.config.search_components import IntervalPruner
from segsweep.config.settings import key


class WilcoxonSettings(IntervalPruner):
    """Prunes trials whose runs are worse than those of the best trial, by a signed-rank test."""

    title: ClassVar[str] = "the Wilcoxon rule"
    functions: ClassVar[tuple[str, ...]] = ("prunes",)
    compares_runs: ClassVar[bool] = True

    name: Literal["wilcoxon"] = key("wilcoxon", "Which pruner.")
    p_threshold: float = key(0.1, "A trial is pruned if the one-sided p-value is below this.", gt=0, lt=1)

    def least_p(self, runs: int) -> float:
        """The smallest p-value that so many runs of a trial can have."""
        return 0.5**runs


def prunes(
    pruner: WilcoxonSettings,
    score: float,
    others: Sequence[float],
    minimize: bool,
    epoch: int,
    curve: Sequence[float | None],
    runs: Sequence[float],
    best_runs: Sequence[float] | None,
) -> bool:
    """Whether the test says that the trial is worse than the best one before it, and its mean is worse, too."""
    if best_runs is None or len(runs) < 2 or len(runs) != len(best_runs):
        return False
    sign = -1 if minimize else 1
    differences = [sign * (own - best) for own, best in zip(runs, best_runs, strict=True)]
    if sum(differences) >= 0:
        return False
    from scipy.stats import wilcoxon  # here: it takes half a second to import, and most steps judge nothing

    found = wilcoxon(differences, alternative="less", zero_method="zsplit")
    return bool(found.pvalue < pruner.p_threshold)
