"""The rows of a table made elsewhere: read, and each value checked, with the line where it stands."""

import csv
import math
import re
from pathlib import Path
from typing import Any

from segsweep.analysis.measures import is_measure
from segsweep.analysis.study_results import RULES
from segsweep.config.imported_table import TableMetric
from segsweep.config.study import Study
from segsweep.errors import InputError
from segsweep.io import read_text

STATUSES = tuple(RULES)


def read_rows(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """Header, and (line, fields) of each row that is not empty.

    Raises:
        InputError: the file cannot be read, a column stands twice, a row has another number of fields, or none is left.
    """
    text = read_text(path, "`table.file` is relative to the study file.")
    first = text.split("\n", 1)[0]
    reader = csv.reader(text.splitlines(), delimiter=max(",;\t", key=first.count))
    header = [name.strip() for name in next(reader, [])]
    if len(set(header)) != len(header):
        doubles = sorted({name for name in header if header.count(name) > 1})
        raise InputError(f"{path}:1: column {', '.join(map(repr, doubles))} stands twice. Rename one of them.")
    rows, wrong = [], []
    for fields in reader:
        if not any(value.strip() for value in fields):
            continue
        if len(fields) != len(header):
            wrong.append(
                f"{path}:{reader.line_num}: {len(fields)} fields, but the header has {len(header)}. Check quotes."
            )
            continue
        rows.append((reader.line_num, dict(zip(header, (value.strip() for value in fields), strict=True))))
    if wrong or not rows:
        raise InputError(*(shortened(wrong) or [f"{path}: no rows. A header and one row a run are needed."]))
    return header, rows


def without_copies(rows: list) -> tuple[list, list[int]]:
    """The rows without those identical to an earlier one, and the lines of the latter."""
    seen: set[tuple] = set()
    kept, twice = [], []
    for line, row in rows:
        key = tuple(row.values())
        (twice.append(line) if key in seen else kept.append((line, row)))
        seen.add(key)
    return kept, twice


class Reader:
    """Makes records of the rows of a table; what is impossible in them is kept in `problems`."""

    def __init__(self, path: Path, study: Study, metrics: dict[str, TableMetric], rows: list[tuple[int, dict]]):
        """`rows` are all rows: an axis is a number if it is one in each of them."""
        self.path, self.metric, self.metrics, self.table = path, study.metric, metrics, study.table
        self.missing = set(study.table.missing)
        self.problems: list[str] = []
        self._numeric = {axis for axis, column in self.table.axes.items() if self._all_numbers(rows, column)}

    def record(self, line: int, row: dict[str, str]) -> dict[str, Any]:
        """One run, with `detail` if it cannot be used."""
        settings, lacking = {}, []
        for axis, column in self.table.axes.items():
            if row[column] in self.missing:
                lacking.append(f"no {column}")
            else:
                settings[axis] = _number(row[column]) if axis in self._numeric else row[column]
        record = {
            "line": line,
            "settings": settings,
            "values": self._values(line, row),
            "name": row[self.table.cell] if self.table.cell else "",
            "seed": self._whole(line, row, self.table.seed),
            "epochs": self._whole(line, row, self.table.epochs),
            "status": self._status(line, row),
        }
        if record["status"] in ("finished", "early_stopped") and self.metric not in record["values"]:
            lacking.append(f"no {self.metrics[self.metric].column}")
        if record["status"] is None:
            lacking.append("no status")
        record["detail"] = f"line {line}: {', '.join(lacking)}" if lacking else ""
        return record

    def _values(self, line: int, row: dict[str, str]) -> dict[str, float]:
        values = {}
        for name, metric in self.metrics.items():
            text = row[metric.column]
            if text in self.missing:
                continue
            value = _number(text.removesuffix("%").strip() if metric.unit == "percent" else text)
            problem = _impossible(name, metric, text, value)
            if problem:
                self.problems.append(f"{self.path}:{line}: {metric.column} is {text!r}: {problem}")
            elif value is not None:
                values[name] = value / 100 if metric.unit == "percent" else value
        return values

    def _status(self, line: int, row: dict[str, str]) -> str | None:
        words = dict(self.table.status)
        column = words.pop("column", None)
        if column is None:
            return "finished"
        word = row[column]
        if word in self.missing:
            return None
        if word in words or word in STATUSES:
            return words.get(word, word)
        known = ", ".join(dict.fromkeys([*words, *STATUSES]))
        self.problems.append(
            f"{self.path}:{line}: {column} is {word!r}, which `table.status` does not translate. Add "
            f"`{word}: STATUS`, with one of {', '.join(STATUSES)}. Known: {known}."
        )
        return None

    def _whole(self, line: int, row: dict[str, str], column: str | None) -> int | None:
        if column is None or row[column] in self.missing:
            return None
        value = _number(row[column])
        if value is None or value != int(value) or value < 0:
            self.problems.append(
                f"{self.path}:{line}: {column} is {row[column]!r}, not a whole number from 0 on. Correct the row."
            )
            return None
        return int(value)

    def _all_numbers(self, rows: list[tuple[int, dict]], column: str) -> bool:
        return all(_number(row[column]) is not None for _, row in rows if row[column] not in self.missing)


def _impossible(name: str, metric: TableMetric, text: str, value: float | None) -> str:
    if value is None:
        return "not a number. If it stands for a missing value, add it to `table.missing`."
    if is_measure(name) or "loss" in name or metric.unit == "none":
        bounded = re.search(r"(^|/)(m?iou|m?ap(50|75)?|dice|jaccard|hmean|f1|precision|recall|accuracy)$", name)
        return f"impossible, {name} lies between 0 and 1." if bounded and not 0 <= value <= 1 else ""
    top = 100.0 if metric.unit == "percent" else 1.0
    if 0 <= value <= top:
        return ""
    hint = ""
    if metric.unit == "fraction" and 1 < value <= 100:
        hint = f" If the column is in percent, write `{name}: {{column: {metric.column}, unit: percent}}`."
    return f"impossible, {name} in {metric.unit} lies between 0 and {top:g}.{hint}"


def _number(text: str) -> float | int | None:
    try:
        value = float(text)
    except ValueError:
        return None
    if not math.isfinite(value):
        return None
    return int(text) if re.fullmatch(r"[+-]?\d+", text) else value


def shortened(problems: list[str], most: int = 30) -> list[str]:
    """The first problems, and how many more there are."""
    if len(problems) <= most:
        return problems
    return [*problems[:most], f"... and {len(problems) - most} more of the kind."]
