"""Patience: a trial that no longer improves is pruned, whatever others reach.

Source: `PatientPruner` of Optuna without a wrapped pruner. With one it is the key `patience` of that pruner.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

from segsweep.config.search_components import IntervalPruner
from segsweep.config.settings import key


class PatienceSettings(IntervalPruner):
    """Prunes trials whose last `patience` epochs, and the one before them, brought nothing better."""

    title: ClassVar[str] = "patience"
    functions: ClassVar[tuple[str, ...]] = ("prunes",)

    name: Literal["patience"] = key("patience", "Which pruner.")
    patience: int = key(..., "Epochs without anything better that are waited for.", unit="epochs", ge=0)


def prunes(
    pruner: PatienceSettings,
    score: float,
    others: Sequence[float],
    minimize: bool,
    epoch: int,
    curve: Sequence[float | None],
    runs: Sequence[float],
    best_runs: Sequence[float] | None,
) -> bool:
    """Always: its patience alone keeps a trial, as that of any pruner."""
    return True
