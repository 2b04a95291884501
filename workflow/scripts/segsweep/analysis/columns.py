"""How tables of cells and runs are laid out: their columns, the texts of levels, and how a value is written."""

import csv
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from segsweep.formatting import value_in_words

DERIVED = ("stability/val_loss_std", "convergence/epochs_to_best", "overfit/gap")
COSTS = ("cost/train_seconds", "cost/seconds_per_epoch", "cost/peak_memory_mb", "cost/parameters", "cost/checkpoint_mb")
RUN_FRONT = ["cell", "run", "seed", "fold", "round", "role", "status", "best_epoch", "epochs"]
CELL_FRONT = ["cell", "label", "role", "round", "note"]
MISSING = ["cell", "run", "seed", "fold", "role", "have", "want", "detail"]


def level_texts(settings: dict[str, Any], axes: Iterable[str]) -> dict[str, str]:
    """The texts of a cell's levels; empty where an axis does not apply to the cell."""
    return {axis: value_in_words(settings[axis]) if axis in settings else "" for axis in axes}


def write_rows(path: Path, header: list[str], rows: Iterable[dict[str, Any]]) -> None:
    """A CSV file; None and nan are empty fields, floats have ten significant digits."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([_field(row.get(name)) for name in header] for row in rows)


def _field(value: Any) -> Any:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return f"{value:.10g}" if isinstance(value, float) else value
