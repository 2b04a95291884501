"""Results made elsewhere, read in place of training."""

import re
from pathlib import Path
from typing import Literal

from segsweep.config.search import SAMPLERS
from segsweep.config.settings import Settings, key
from segsweep.errors import InputError

PLACEHOLDER = re.compile(r"\{([^{}/]+)\}")


class TableMetric(Settings):
    """A column that holds a metric."""

    column: str = key(..., "Column of the file.")
    unit: Literal["fraction", "percent", "none"] = key("fraction", "Percent is divided by 100; none is any number.")


class Table(Settings):
    """How the columns of a table of results are to be read."""

    file: str = key(
        ...,
        "CSV, .xlsx or .parquet file, relative to the study file; or a pattern over many of them, of which each "
        "`{name}` becomes a column: `logs/lr{lr}_seed{seed}.csv`.",
    )
    axes: dict[str, str] = key(..., "Axis: column.", min_length=1)
    metrics: dict[str, TableMetric | str] = key(..., "Metric: column.", min_length=1)
    status: dict[str, str] = key(
        {},
        "`column`, and the file's words for each status: `converged: finished`. The words of W&B, MLflow and Optuna "
        "are known; without `column`, a column `state` or `status` that holds only such words is read.",
    )
    epochs: str | None = key(None, "Column with the epochs that a run had.")
    seed: str | None = key(None, "Column with the seed.")
    cell: str | None = key(None, "Column that names a run.")
    history: str | None = key(
        None, "Column with the epoch: a row is an epoch of a run, and the best one is the run's result."
    )
    conditional: list[str] = key(
        [],
        "Axes whose blank fields mean that the hyperparameter does not apply to the run. Found without it where the "
        "level of another axis decides which fields are blank.",
    )
    words: list[str] = key(
        [], "Axes of which a single word among numbers is a level, and no row of a spreadsheet's means or sums."
    )
    sampler: Literal[(*SAMPLERS, "bayes")] | None = key(
        None,
        "What proposed the settings: a sampler, or `bayes` as W&B says. After one that follows the scores (all but "
        "grid, random, qmc) nothing is judged by the lack of fit; an export of Optuna is taken for one of `tpe`.",
    )
    ignore: list[str] = key(
        [], "Columns that say nothing of a run's setting, though they differ between its seeds; `train_*` is a pattern."
    )
    copies: Literal["drop", "keep"] = key(
        "drop",
        "Whether rows of one setting with the same scores are one run (`drop`), to five digits or more; with different "
        "seeds to eight, of all metrics together.",
    )
    decimal: Literal[".", ","] | None = key(None, "Decimal mark; found without it where it is plain.")
    delimiter: str | None = key(None, "Between the fields of a CSV file; found without it.", min_length=1, max_length=1)
    sheet: str | None = key(None, "Sheet of an .xlsx file; the one with the columns without it.")
    missing: list[str] = key(
        ["", "NA", "N/A", "#N/A", "null", "-"],
        "What stands for a missing value; a blank field always does. `NaN` does in an axis, unless the list is empty; "
        "in a metric it is a score that is not finite.",
    )

    @property
    def placeholders(self) -> list[str]:
        """The names in `{}` of `file`, in order."""
        return list(dict.fromkeys(PLACEHOLDER.findall(self.file)))

    @property
    def is_pattern(self) -> bool:
        """Whether `file` stands for many files."""
        return bool(self.placeholders) or "*" in self.file

    @property
    def columns(self) -> dict[str, str]:
        """Each key that names a column, and the column: `axes.optimizer.lr: lr`."""
        named = {f"axes.{axis}": column for axis, column in self.axes.items()}
        named |= {f"metrics.{name}": m if isinstance(m, str) else m.column for name, m in self.metrics.items()}
        named |= {"status.column": self.status["column"]} if "column" in self.status else {}
        return named | {one: getattr(self, one) for one in ("epochs", "seed", "cell", "history") if getattr(self, one)}


def table_files(table: Table, folder: Path) -> dict[Path, dict[str, str]]:
    """The files of a table, in order of their names, and what the placeholders of `file` stand for in each.

    Args:
        table: the key `table` of a study.
        folder: where the study file lies.

    Raises:
        InputError: there is none, or a placeholder stands twice for different texts everywhere.
    """
    if not table.is_pattern:
        return {folder / table.file: {}}
    if re.search(r"[*}][*{]", table.file):
        raise InputError(f"{folder / table.file}: two placeholders touch. Put between them what stands there.")
    # The folder in front of the first part with a placeholder; an absolute path stays one.
    parts = Path(table.file).parts
    fixed = next(i for i, part in enumerate(parts) if "*" in part or PLACEHOLDER.search(part))
    start = folder.joinpath(*parts[:fixed])
    pattern = "/".join(parts[fixed:])
    expression, at = "", 0
    groups: dict[str, str] = {}
    for found in re.finditer(r"\{([^{}/]+)\}|\*", pattern):
        expression += re.escape(pattern[at : found.start()])
        name, at = found.group(1), found.end()
        if name is None:
            expression += "[^/]*"
        elif name in groups:
            expression += f"(?P={groups[name]})"
        else:
            groups[name] = f"p{len(groups)}"
            expression += f"(?P<{groups[name]}>[^/]+?)"
    expression += re.escape(pattern[at:])
    files = {}
    for path in sorted(start.glob(PLACEHOLDER.sub("*", pattern))):
        match = re.fullmatch(expression, path.relative_to(start).as_posix())
        if match and path.is_file():
            files[path] = {name: match.group(group) for name, group in groups.items()}
    if not files:
        raise InputError(
            f"{folder / table.file}: no such file. Placeholders in {{}} and * stand for part of a name, never for a "
            "folder and what lies in it. `table.file` is relative to the study file."
        )
    return files
