"""The rows of a table made elsewhere as runs: each value checked, with the line where it stands."""

import math
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from segsweep.analysis.foreign_exports import RUNNING, STATUSES, status_column, status_of
from segsweep.analysis.foreign_files import ForeignTable, Row
from segsweep.analysis.foreign_values import Levels, Numbers
from segsweep.analysis.measures import is_measure
from segsweep.analysis.words_among_numbers import words_among_numbers
from segsweep.config.imported_table import Table, TableMetric
from segsweep.config.study import Study
from segsweep.formatting import plural
from segsweep.statuses import USABLE

BOUNDED = re.compile(r"(^|/)(m?iou|m?ap(50|75)?|dice|jaccard|hmean|f1|precision|recall|accuracy)$")
MOST_WORDS, MOST_LINES = 6, 8


class Reader:
    """Makes records of the rows of a table.

    Attributes:
        problems: what is impossible in the rows.
        notes: what was taken for granted.
        conditional: axes that do not apply to the runs in which they are blank.
    """

    def __init__(self, study: Study, source: ForeignTable, numbers: Numbers):
        """`source` are all rows: an axis is a number if it is one in each of them."""
        self.metric, self.table, self.numbers = study.metric, study.table, numbers
        self.metrics = metrics_of(study.table)
        self.missing = {"", *study.table.missing}
        self.nan_is_missing = any(study.table.missing)
        self.folder = source.folder
        self.problems: list[str] = []
        self.of_rows: dict[tuple[str, str], dict[tuple[Path, int], tuple[Row, str]]] = {}
        self.notes: list[str] = []
        self.levels: dict[str, Levels] = {}
        for axis, column in self.table.axes.items():
            self.levels[axis] = Levels(list(filter(None, self.level_texts(source.rows, column))), numbers)
            self.problems += [
                f"{source.name}: {column} has {' and '.join(map(repr, words))}, which differ in capital letters or "
                "blanks alone. Write them alike."
                for words in self.levels[axis].spellings
            ]
        self.problems += words_among_numbers(study.table, source.rows, self)
        self.conditional = set(self.table.conditional) | self._find_conditional(source.rows)
        self.status_column = self.table.status.get("column")
        if not self.table.status:
            found = {name: {row.fields[name] for row in source.rows} - self.missing for name in source.header}
            declared = {*self.table.columns.values(), *self.table.ignore}
            self.status_column = status_column([name for name in source.header if name not in declared], found)
            if self.status_column:
                self.notes.append(f"Column {self.status_column!r} was read as the status of the runs.")
        self._check_shares(source.rows)
        self._note_missing_words(source.rows)

    def say(self, row: Row, column: str, reason: str, text: str | None = None) -> None:
        """A field of a row is wrong, for a reason that may be that of many rows."""
        shown = row.fields[column] if text is None else text
        self.of_rows.setdefault((column, reason), {}).setdefault((row.file, row.line), (row, shown))

    def all_problems(self, source: ForeignTable) -> list[str]:
        """All that is impossible, a problem of many rows once."""
        found = list(dict.fromkeys(self.problems))
        for (column, reason), fields in self.of_rows.items():
            (row, text), *others = fields.values()
            also = ""
            if others:
                lines = ", ".join(source.place(other) for other, _ in others[:MOST_LINES])
                more = f" and {len(others) - MOST_LINES} more" if len(others) > MOST_LINES else ""
                also = f" So {'is' if len(others) == 1 else 'are'} {plural(len(others), 'other row')}: {lines}{more}."
            found.append(f"{row.where}: {column} is {text!r}{reason}{also}")
        return found

    def record(self, row: Row) -> dict[str, Any]:
        """One run, with `lacking` if it cannot be used: what it lacks, in words."""
        values, broken = self.values(row)
        status = self._status(row)
        settings, lacking = self.settings(row)
        if status in USABLE and self.metric in broken:
            status = "diverged"
        elif status in USABLE and self.metric not in values:
            lacking.append(f"no {self.metrics[self.metric].column}")
        if status is None:
            lacking.append("no status")
        if status == RUNNING:
            lacking.append(f"{self.status_column} is {row.fields[self.status_column]!r}: it has no result yet")
        return {
            "row": row,
            "settings": settings,
            "values": values,
            "name": self._name(row),
            "seed": self.whole(row, self.table.seed),
            "epochs": self.whole(row, self.table.epochs),
            "status": status,
            "detail": self._why(row, status),
            "lacking": lacking,
        }

    def settings(self, row: Row) -> tuple[dict[str, Any], list[str]]:
        """Levels by axis, without axes that do not apply, and what is missing, in words."""
        settings, lacking = {}, []
        for axis, column in self.table.axes.items():
            text = self.level_text(row.fields[column])
            if text:
                settings[axis] = self.levels[axis].level(text)
            elif axis not in self.conditional:
                lacking.append(f"no {column}")
        return settings, lacking

    def values(self, row: Row) -> tuple[dict[str, float], set[str]]:
        """Finite scores by metric, fractions of 1 where they are shares, and the metrics that are not finite."""
        values, broken = {}, set()
        for name, metric in self.metrics.items():
            text = row.fields[metric.column]
            if text in self.missing:
                continue
            percent = metric.unit == "percent"
            value = self.numbers.read(text.removesuffix("%").strip() if percent else text)
            if value is not None and not math.isfinite(value):
                broken.add(name)
            elif problem := self._impossible(name, metric, text, value):
                self.say(row, metric.column, f": {problem}")
            else:
                values[name] = value / 100 if percent else value
        return values, broken

    def whole(self, row: Row, column: str | None) -> int | None:
        """A whole number from 0 on; None where there is none, which is a problem unless the field is missing."""
        if column is None or row.fields[column] in self.missing:
            return None
        value = self.numbers.finite(row.fields[column])
        if value is None or value != int(value) or value < 0:
            remedy = "Correct the row."
            if column == self.table.seed:
                remedy = (
                    "A seed is a number such as 0, 1, 2. Correct the column, or leave out `seed` and write "
                    f"`ignore: [{column}]`: rows of one setting are its seeds, in their order."
                )
            self.say(row, column, f", not a whole number from 0 on. {remedy}")
            return None
        return int(value)

    def _status(self, row: Row) -> str | None:
        if self.status_column is None:
            return "finished"
        word = row.fields[self.status_column]
        if word in self.table.status:
            return self.table.status[word]
        if (known := status_of(word)) is not None:
            return known
        if word in self.missing:
            return None
        self.say(
            row, self.status_column, f", which `table.status` does not translate. Add `{word}: STATUS` to it, with one "
            f"of {', '.join(STATUSES)}; a run that crashed is `failed`.",
        )  # fmt: skip
        return None

    def _name(self, row: Row) -> str:
        """The run's name: the column's for it, or the file's where each run has its own."""
        if self.table.cell:
            return row.fields[self.table.cell]
        return row.file.relative_to(self.folder).with_suffix("").as_posix() if self.folder else ""

    def _why(self, row: Row, status: str | None) -> str:
        """Why a run has no score, as the table says it: its word for the status, or the score that is not finite."""
        if status in (None, RUNNING, *USABLE):
            return ""
        column = self.metrics[self.metric].column
        if status == "diverged" and not math.isfinite(self.numbers.read(row.fields[column]) or 0.0):
            return f"{column} is {row.fields[column]}"
        word = row.fields[self.status_column] if self.status_column else status
        return "" if word == status else f"{self.status_column} is {word}"

    def level_text(self, text: str) -> str:
        """A field of an axis, empty where it is missing."""
        return "" if text in self.missing or (self.nan_is_missing and text.lower() == "nan") else text

    def level_texts(self, rows: Iterable[Row], column: str) -> list[str]:
        """The fields of a column as levels."""
        return [self.level_text(row.fields[column]) for row in rows]

    def _find_conditional(self, rows: list[Row]) -> set[str]:
        """Axes that are blank for some levels of another axis, always, and for its other levels never.

        A level that stands in one row alone shows that only where it is a word: of numbers drawn at random, each does.
        """
        texts = {axis: self.level_texts(rows, column) for axis, column in self.table.axes.items()}
        found = set()
        for axis, own in texts.items():
            if all(own):
                continue
            for other, deciding in texts.items():
                pairs = [(b, bool(a)) for a, b in zip(own, deciding, strict=True) if b]
                blank, filled = ({b for b, there in pairs if there == kind} for kind in (False, True))
                few = 2 * len(blank | filled) <= len(pairs)
                if (
                    other != axis
                    and blank
                    and filled
                    and not blank & filled
                    and (few or not self.levels[other].numeric)
                ):
                    found.add(axis)
                    words = ", ".join(sorted(blank)[:MOST_WORDS])
                    self.notes.append(f"{axis} does not apply where {other} is {words}: its fields are blank there.")
                    break
        return found

    def _note_missing_words(self, rows: list[Row]) -> None:
        """Words that stand for a missing level: whoever means a level by them has to hear it."""
        for axis, column in self.table.axes.items():
            words = Counter(text for row in rows if (text := row.fields[column]) and not self.level_text(text))
            what = "then the axis does not apply" if axis in self.conditional else "such a row is left out"
            self.notes += [
                f"{column} is {word} in {plural(count, 'row')}, read as missing: {what}. If {word} is a "
                "level, write `missing: []`."
                for word, count in words.items()
            ]

    def _check_shares(self, rows: list[Row]) -> None:
        """Fractions that are declared to be percent."""
        for name, metric in self.metrics.items():
            texts = [row.fields[metric.column] for row in rows if row.fields[metric.column] not in self.missing]
            values = [value for text in texts if (value := self.numbers.finite(text)) is not None]
            if metric.unit != "percent" or not values or any(text.endswith("%") for text in texts):
                continue
            if few := [value for value in values if 0 < value <= 1 < max(values)]:
                self.notes.append(f"{metric.column} is read as percent, though {min(few):g} looks like a fraction.")
            if 0 < max(values) <= 1:
                self.problems.append(
                    f"{rows[0].file}: all values of {metric.column} lie between 0 and 1, as fractions do, and "
                    f"`table.metrics.{name}` says percent. Write `{name}: {metric.column}`; if they are percent, write "
                    "them with a percent sign."
                )

    def _impossible(self, name: str, metric: TableMetric, text: str, value: float | None) -> str:
        percent = f"`{name}: {{column: {metric.column}, unit: percent}}`"
        if value is None and text.endswith("%"):
            return f"in percent, but `table.metrics.{name}` expects a fraction. Write {percent}."
        if value is None and re.fullmatch(r"[+-]?[\d.,]+", text):
            mark = "," if self.numbers.comma else "."
            return f"not a number with {mark!r} as decimal mark. Write all numbers alike, without thousands separators."
        if value is None:
            return "not a number. If it stands for a missing value, add it to `table.missing`."
        if is_measure(name) or "loss" in name or metric.unit == "none":
            if not BOUNDED.search(name) or 0 <= value <= 1:
                return ""
            hint = f" If the column is in percent, write {percent}." if 1 < value <= 100 else ""
            return f"impossible, {name} lies between 0 and 1.{hint}"
        top = 100.0 if metric.unit == "percent" else 1.0
        if 0 <= value <= top:
            return ""
        hint = ""
        if metric.unit == "fraction" and 1 < value <= 100:
            hint = f" If the column is in percent, write {percent}."
        elif not BOUNDED.search(name):
            hint = f" If it is no share, write `{name}: {{column: {metric.column}, unit: none}}`."
        return f"impossible, {name} in {metric.unit} lies between 0 and {top:g}.{hint}"


def metrics_of(table: Table) -> dict[str, TableMetric]:
    """The metrics of a table, each with its column and unit."""
    return {name: TableMetric(column=m) if isinstance(m, str) else m for name, m in table.metrics.items()}
