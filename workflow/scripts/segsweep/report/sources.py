"""Where a number of a report comes from, and looking it up again."""

import csv
import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from segsweep.io import regular

STEP = re.compile(r"""\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|\.?([^.\[\]"]+)""")


@dataclass(frozen=True)
class Source:
    """A value in the files of a study's results.

    `file` is relative to the study's folder. For a CSV file, `row` is a row's number (the first below the
    header is 1), or conditions `status=finished,early_stopped & best_epoch=@epochs` that rows must meet (one of
    several values; the value of another column), or empty for all rows; `column` is a column. For JSON and YAML,
    `row` is empty and `column` a path: `cells[3].settings["optimizer.lr"]`.
    `how` says what is done with what lies there: `value`, `name` (of the column), `count`, `distinct`, `sum`,
    `mean`, `least`, `most`, `difference` and `ratio` (of two rows `3 | 7`, or of two columns `a | b`).
    """

    file: str
    row: str = ""
    column: str = ""
    how: str = "value"


class SourceFiles:
    """The files of a study's results, each read once."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self._tables: dict[str, list[dict[str, str]]] = {}
        self._trees: dict[str, Any] = {}

    def table(self, file: str) -> list[dict[str, str]]:
        """The rows of a CSV file, as text. Raises: OSError."""
        if file not in self._tables:
            with regular(self.folder / file).open(newline="", encoding="utf-8") as lines:
                self._tables[file] = list(csv.DictReader(lines))
        return self._tables[file]

    def tree(self, file: str) -> Any:
        """What a JSON or YAML file holds. Raises: OSError, ValueError."""
        if file not in self._trees:
            text = regular(self.folder / file).read_text(encoding="utf-8")
            self._trees[file] = json.loads(text) if file.endswith(".json") else yaml.safe_load(text)
        return self._trees[file]

    def lookup(self, source: Source) -> Any:
        """The value at a source.

        Raises: LookupError when there is no such value, OSError when there is no such file.
        """
        if not source.file.endswith(".csv"):
            return _of_tree(_walk(self.tree(source.file), source.column), source.how)
        if source.how in ("difference", "ratio"):
            rows = [part.strip() for part in source.row.split("|")]
            columns = [part.strip() for part in source.column.split("|")]
            one, other = (
                float(self.lookup(Source(source.file, rows[i % len(rows)], columns[i % len(columns)], "sum")))
                for i in (0, 1)
            )
            return one - other if source.how == "difference" else one / other if other else math.nan
        table = self.table(source.file)
        if source.how == "name":
            if not table or source.column not in table[0]:
                raise LookupError(f"{source.file} has no column {source.column}")
            return source.column
        if source.row.isdigit():
            if not 1 <= int(source.row) <= len(table):
                raise LookupError(f"{source.file} has {len(table)} rows, no row {source.row}")
            rows = [table[int(source.row) - 1]]
        else:
            rows = _where(table, source.row)
        return _of_rows(rows, source)


def _where(table: list[dict[str, str]], conditions: str) -> list[dict[str, str]]:
    pairs = [part.partition("=")[::2] for part in conditions.split(" & ")] if conditions else []
    return [row for row in table if all(_holds(row, key.strip(), value.strip()) for key, value in pairs)]


def _holds(row: dict[str, str], key: str, value: str) -> bool:
    wanted = row.get(value[1:]) if value.startswith("@") else value
    return row.get(key) in wanted.split(",") if wanted and "," in wanted else row.get(key) == wanted


def _of_rows(rows: list[dict[str, str]], source: Source) -> Any:
    if source.how == "count" and not source.column:
        return len(rows)
    if rows and source.column not in rows[0]:
        raise LookupError(f"{source.file} has no column {source.column}")
    fields = [row[source.column] for row in rows if row[source.column] not in ("", None)]
    if source.how == "count":
        return len(fields)
    if source.how == "distinct":
        return len(set(fields))
    if source.how == "value":
        if len(rows) != 1:
            raise LookupError(f"{source.file}: {len(rows)} rows with {source.row or 'no condition'}, not one")
        return fields[0] if fields else None
    numbers = [float(field) for field in fields]
    if source.how == "sum":
        return math.fsum(numbers)
    if not numbers:
        return None
    rules = {
        "mean": lambda: math.fsum(numbers) / len(numbers),
        "least": lambda: min(numbers),
        "most": lambda: max(numbers),
    }
    return rules[source.how]()


def _walk(tree: Any, path: str) -> Any:
    position = 0
    while position < len(path):
        step = STEP.match(path, position)
        if step is None:
            raise LookupError(f"not a path: {path}")
        quoted, index, name = step.groups()
        try:
            tree = tree[int(index)] if index is not None else tree[quoted if quoted is not None else name]
        except (KeyError, IndexError, TypeError) as error:
            raise LookupError(f"nothing at {path[: step.end()]}") from error
        position = step.end()
    return tree


def _of_tree(value: Any, how: str) -> Any:
    if how == "value":
        return value
    if how == "count":
        return len(value)
    if how == "sum":
        return math.fsum(value)
    raise LookupError(f"{how} is for tables")
