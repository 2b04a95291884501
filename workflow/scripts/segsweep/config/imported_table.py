"""Results made elsewhere, read in place of training."""

from typing import Literal

from segsweep.config.settings import Settings, key


class TableMetric(Settings):
    """A column that holds a metric."""

    column: str = key(..., "Column of the file.")
    unit: Literal["fraction", "percent", "none"] = key("fraction", "Percent is divided by 100; none is any number.")


class Table(Settings):
    """How the columns of a table of results are to be read."""

    file: str = key(..., "CSV file, relative to the study file.")
    axes: dict[str, str] = key(..., "Axis: column.", min_length=1)
    metrics: dict[str, TableMetric | str] = key(..., "Metric: column.", min_length=1)
    status: dict[str, str] = key({}, "`column`, and the file's words for each status: `completed: finished`.")
    epochs: str | None = key(None, "Column with the epochs that a run had.")
    seed: str | None = key(None, "Column with the seed.")
    cell: str | None = key(None, "Column that names a run.")
    missing: list[str] = key(["", "NA", "nan", "null", "-"], "What stands for a missing value.")
