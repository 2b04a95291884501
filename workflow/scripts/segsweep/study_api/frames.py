"""A table of results as a pandas frame, each column of the type that its definition says."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from segsweep.errors import InputError
from segsweep.tables import Column, Table

# Of a column that may have empty fields, and of one that may not.
DTYPES = {
    "text": ("str", "str"),
    "integer": ("Int64", "int64"),
    "number": ("float64", "float64"),
    "boolean": ("boolean", "bool"),
}


def read_frame(path: Path, table: type[Table], axes: Iterable[str] = ()) -> pd.DataFrame:
    """Read a table.

    Texts are `str`, integers `int64`, or `Int64` where the table may have empty fields, numbers `float64`, booleans
    `bool` or `boolean`. Levels of a hyperparameter are numbers where all of them are, else texts. An empty field is a
    missing value.

    Args:
        path: of the CSV file.
        table: its definition.
        axes: the study's hyperparameters.

    Raises:
        InputError: the file cannot be read, or a field is not of its column's type.
    """
    try:
        header = pd.read_csv(path, nrows=0).columns
        levels = [name for name in header if name in set(axes) - {column.name for column in table.columns}]
        dtypes = {name: "str" if name in levels else _dtype(name, table) for name in header}
        frame = pd.read_csv(path, dtype=dtypes, keep_default_na=False, na_values=[""])
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read as a table ({error}). Delete it; `make report` makes it again."
        ) from error
    return frame.assign(**{name: _as_numbers(frame[name]) for name in levels})


def _dtype(name: str, table: type[Table]) -> str:
    column = next((one for one in table.columns if one.name == name), None) or _of_family(table)
    return DTYPES[column.kind][not column.empty]


def _of_family(table: type[Table]) -> Column:
    """What defines the columns of measured values, of which no table has two kinds beside levels."""
    return next(column for column in reversed(table.columns) if column.family is not None)


def _as_numbers(levels: pd.Series) -> pd.Series:
    """Levels as numbers, if all are."""
    numbers = pd.to_numeric(levels, errors="coerce")
    if (numbers.isna() & levels.notna()).any() or levels.isna().all():
        return levels
    if not levels.dropna().str.fullmatch(r"-?\d{1,18}").all():
        return numbers.astype("float64")
    return numbers.astype("Int64" if levels.isna().any() else "int64")
