"""The percentile rule: a trial behind the best share of the others is pruned.

Source: `PercentilePruner` of Optuna.
"""

from typing import ClassVar, Literal

from segsweep.config.search_components import IntervalPruner
from segsweep.config.settings import key


class PercentileSettings(IntervalPruner):
    """Prunes trials that are worse than the best `percentile` percent of the others."""

    title: ClassVar[str] = "the percentile rule"
    functions: ClassVar[tuple[str, ...]] = ("cutoff",)

    name: Literal["percentile"] = key("percentile", "Which pruner.")
    min_trials: int = key(2, "A rung with fewer trials prunes none.", unit="trials", ge=2)
    percentile: float = key(25.0, "Share of the trials that is kept, in percent.", gt=0, lt=100)


def cutoff(pruner: PercentileSettings, scores: dict[int, float | None], trial: int, minimize: bool) -> float | None:
    """The percentile of the other trials' scores."""
    return of_others(scores, trial, pruner.percentile if minimize else 100 - pruner.percentile)


def of_others(scores: dict[int, float | None], trial: int, percentile: float) -> float | None:
    """A percentile of the other trials' scores, interpolated between the nearest two; None if there are none."""
    others = sorted(score for other, score in scores.items() if score is not None and other != trial)
    if not others:
        return None
    below, between = divmod((len(others) - 1) * percentile / 100, 1)
    first, second = others[int(below)], others[min(int(below) + 1, len(others) - 1)]
    return first + (second - first) * between
