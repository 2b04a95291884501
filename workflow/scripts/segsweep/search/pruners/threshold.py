"""The threshold rule: a trial beyond a bound is pruned, whatever others reach.

Source: `ThresholdPruner` of Optuna, with the best score so far in place of the last one.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import model_validator

from segsweep.config.search_components import IntervalPruner
from segsweep.config.settings import key


class ThresholdSettings(IntervalPruner):
    """Prunes trials whose score is below `lower` or above `upper`."""

    title: ClassVar[str] = "the threshold rule"
    functions: ClassVar[tuple[str, ...]] = ("prunes",)

    name: Literal["threshold"] = key("threshold", "Which pruner.")
    lower: float | None = key(None, "A trial below this is pruned.")
    upper: float | None = key(None, "A trial above this is pruned.")

    @model_validator(mode="after")
    def _bounds(self):
        if self.lower is None and self.upper is None:
            raise ValueError("lower: neither lower nor upper is set. Give the bound beyond which a trial is hopeless")
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            raise ValueError(f"lower, upper: lower {self.lower:g} is above upper {self.upper:g}. Exchange them")
        return self


def prunes(
    pruner: ThresholdSettings,
    score: float,
    others: Sequence[float],
    minimize: bool,
    epoch: int,
    curve: Sequence[float | None],
    runs: Sequence[float],
    best_runs: Sequence[float] | None,
) -> bool:
    """Whether the best score so far is beyond a bound."""
    below = pruner.lower is not None and score < pruner.lower
    return below or (pruner.upper is not None and score > pruner.upper)
