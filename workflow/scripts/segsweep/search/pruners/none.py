"""No pruner: every trial is trained in full."""

from typing import ClassVar, Literal

from segsweep.config.components import Pruner
from segsweep.config.settings import key


class NoneSettings(Pruner):
    """Every trial is trained in full."""

    title: ClassVar[str] = "no pruner"

    name: Literal["none"] = key("none", "Which pruner.")


def rungs(pruner: NoneSettings, total_epochs: int, bracket: int = 0) -> list[int]:
    """None."""
    return []


def bracket_sizes(pruner: NoneSettings, total_epochs: int) -> list[int]:
    """One bracket."""
    return [1]


def cutoff(pruner: NoneSettings, scores: dict[int, float | None], trial: int, minimize: bool) -> float | None:
    """None: no score is too low."""
    return None
