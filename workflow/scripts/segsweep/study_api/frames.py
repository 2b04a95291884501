"""A table of results as a pandas frame, each column of the type that its definition says."""

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from segsweep.errors import InputError
from segsweep.io import regular
from segsweep.tables import Table
from segsweep.typed_commands import typed_report

# Of a column that may have empty fields, and of one that may not.
DTYPES = {
    "text": ("str", "str"),
    "integer": ("Int64", "int64"),
    "number": ("float64", "float64"),
    "boolean": ("boolean", "bool"),
}


def read_frame(path: Path, table: type[Table], axes: Collection[str] = ()) -> pd.DataFrame:
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
    definitions = {column.name: column for column in table.columns if column.family is None}
    measured = next((column for column in reversed(table.columns) if column.family is not None), None)
    try:
        header = pd.read_csv(regular(path), nrows=0).columns
        levels = [name for name in header if name in axes and name not in definitions]
        columns = {name: definitions.get(name, measured) for name in header.difference(levels)}
        # A column that no definition knows is one of another version of segsweep: pandas says what it holds.
        dtypes = {name: DTYPES[column.kind][not column.empty] for name, column in columns.items() if column}
        frame = pd.read_csv(path, dtype=dtypes | dict.fromkeys(levels, "str"), keep_default_na=False, na_values=[""])
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read as a table ({error}). Delete it; `{typed_report()}` makes it again."
        ) from error
    return frame.assign(**{name: _as_numbers(frame[name]) for name in levels})


def _as_numbers(levels: pd.Series) -> pd.Series:
    """Levels as numbers, if all are."""
    numbers = pd.to_numeric(levels, errors="coerce")
    if (numbers.isna() & levels.notna()).any() or levels.isna().all():
        return levels
    if not levels.dropna().str.fullmatch(r"-?\d{1,18}").all():
        return numbers.astype("float64")
    return numbers.astype("Int64" if levels.isna().any() else "int64")
