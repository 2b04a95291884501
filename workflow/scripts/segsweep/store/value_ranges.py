"""Values that cannot be: none of them reaches a table, a decision or a ranking."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from segsweep import metrics
from segsweep.errors import InputError

if TYPE_CHECKING:  # planning reads records here, and must not import numpy
    import numpy as np

Range = tuple[float, float]
# Columns that segsweep's own loop writes besides losses and metrics.
OWN_COLUMNS = {"lr": "a learning rate", "seconds": "a time", "images_per_second": "a speed", "peak_memory_mb": "memory"}
# Counts in which -1 says that there is none; all others are numbers of pixels, boxes or words.
WITH_NONE = ("precision", "box_hits", "box_labels")


def bounds(column: str, *, own_loop: bool = True) -> tuple[float, float, str] | None:
    """Lowest and highest value of a column of epochs, and what it is; None where any number is possible.

    Args:
        column: `val/miou`, `lr`.
        own_loop: whether segsweep's own loop wrote it: a program may call something else `lr`.
    """
    metric = metrics.metric_of(column)
    if metric is not None:
        low, high = metric.range
        return (-math.inf if low is None else low), (math.inf if high is None else high), metric.title
    return (0.0, math.inf, OWN_COLUMNS[column]) if own_loop and column in OWN_COLUMNS else None


def check_column(
    file: Path, column: str, epochs: Sequence[object], values: Sequence[float], remedy: str, *, own_loop: bool = True
) -> None:
    """Check the values of a column; nan, where there is none, is left out.

    Args:
        file: it stands in, for the message.
        epochs: of each value.
        values: of the column.
        remedy: what a person can do.
        own_loop: as of `bounds`.

    Raises:
        InputError: one lies outside of what the column can be.
    """
    found = bounds(column, own_loop=own_loop)
    if found is None:
        return
    low, high, title = found
    for epoch, value in zip(epochs, values, strict=True):
        if value < low or value > high:
            raise InputError(
                f"{file}: {column} of epoch {epoch} is {value:g}, but {title} lies between {low:g} and {high:g}. "
                f"{remedy}"
            )


def check_epochs(
    file: Path, epochs: Sequence[str], first: int, last: int, remedy: str, *, own_loop: bool = True
) -> None:
    """Check the numbers of epochs of a segment, in the order of its rows.

    Args:
        file: they stand in, for the message.
        epochs: a field for each row.
        first, last: epochs of the segment, as far as it was trained.
        remedy: what a person can do.
        own_loop: whether segsweep's own loop wrote them: a program may leave out epochs.

    Raises:
        InputError: one is repeated, missing, out of order or no number of an epoch.
    """
    expected = list(map(str, range(first, last + 1)))
    if own_loop and list(epochs) == expected:
        return
    before = first - 1
    for row, text in enumerate(epochs, 2):
        epoch = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
        if not before < epoch <= last or (own_loop and epoch != before + 1):
            meant = f"epoch {before + 1}" if own_loop else f"an epoch from {before + 1} to {last}"
            if before >= last:
                meant = f"none, as the training ended after epoch {last}"
            raise InputError(f"{file}: row {row} is of epoch {text!r}; {meant} belongs there. {remedy}")
        before = epoch
    if own_loop and before < last:
        raise InputError(f"{file}: has no row of epoch {before + 1}, but {last} epochs were trained. {remedy}")


def numbers(file: Path, column: str, rows: Sequence[Mapping[str, str]], remedy: str) -> list[float]:
    """A column of rows of epochs.csv; nan where a field is empty.

    Raises:
        InputError: a field is no number.
    """
    found = []
    for row in rows:
        try:
            found.append(float(row[column] or math.nan))
        except ValueError as error:
            raise InputError(
                f"{file}: {column} of epoch {row.get('epoch', '?')} is {row[column]!r}, no number. {remedy}"
            ) from error
    return found


def check_counts(file: Path, counts: Mapping[str, "np.ndarray"], remedy: str) -> None:
    """Check counts with a leading axis of epochs or images.

    Raises:
        InputError: one is negative, or no number.
    """
    for name, values in counts.items():
        if values.dtype.kind not in "iuf" or not values.size:
            continue
        low = -1 if name in WITH_NONE else 0
        lowest = values.min()  # of nan, nan
        if not lowest >= low:
            row = next(i for i, one in enumerate(values) if not one.min() >= low)
            raise InputError(f"{file}: {name} holds {lowest} in row {row + 1}: a count is no less than {low}. {remedy}")
