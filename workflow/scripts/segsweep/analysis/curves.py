"""The epochs of a run, put together from the epochs.csv files of its segments."""

import csv
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from operator import itemgetter
from pathlib import Path
from typing import IO

from segsweep.errors import InputError
from segsweep.io import read_text, write_bytes
from segsweep.store.segment_store import REPAIR

QUOTE, SPECIAL = '"', re.compile('[,"\r\n]')
NOT_FINITE = re.compile(r"(?<![^,\n])[+-]?(?:nan|inf|infinity)(?![^,\r\n])", re.IGNORECASE)


@dataclass
class Curve:
    """The epochs of a run: column names and, for each epoch, its line of epochs.csv and its fields."""

    header: list[str]
    lines: list[str] = field(default_factory=list)
    fields: list[list[str]] = field(default_factory=list)

    def column(self, name: str) -> list[float]:
        """One column as floats, nan where a field is empty or no number; empty if there is no such column."""
        if name not in self.header:
            return []
        index = self.header.index(name)
        return [as_float(row[index]) for row in self.fields]

    def finite_fields(self, index: int, prefix: str) -> dict[str, str]:
        """The fields of one epoch, by its index, in the columns that begin with `prefix`; finite numbers only."""
        pairs = zip(self.header, self.fields[index], strict=True)
        return {name: text for name, text in pairs if name.startswith(prefix) and math.isfinite(as_float(text))}

    def add_columns(self, columns: dict[str, list[str]]) -> None:
        """Add columns of numbers, each with a field for each epoch, empty where there is no finite one."""
        self.header = [*self.header, *columns]
        added = list(zip(*columns.values(), strict=True)) if columns else [()] * len(self.lines)
        self.fields = [row + list(more) for row, more in zip(self.fields, added, strict=True)]
        self.lines = [",".join((line, *more)) for line, more in zip(self.lines, added, strict=True)]

    def drop_columns(self, prefix: str) -> None:
        """Leave out the columns that begin with `prefix`."""
        kept = [i for i, name in enumerate(self.header) if not name.startswith(prefix)]
        self.header = [self.header[i] for i in kept]
        self.fields = [[row[i] for i in kept] for row in self.fields]
        self.lines = list(map(_line, self.fields))


def read_curve(path: Path) -> Curve:
    """The rows of the epochs.csv file of a segment; fields that are no finite number (`nan`, `inf`) are empty.

    Raises:
        InputError: it is missing, has no header, or a row with another number of fields.
    """
    text = NOT_FINITE.sub("", read_text(path, REPAIR))
    first, *lines = text.splitlines() or [""]
    if QUOTE in text:  # quoted fields are rare enough not to pay for them always
        first, *rows = list(csv.reader(StringIO(text)))
        header, fields, lines = first, rows, list(map(_line, rows))
    else:
        header, fields = first.split(","), [line.split(",") for line in lines]
    wrong = next((i for i, row in enumerate(fields) if len(row) != len(header)), None)
    if not first or wrong is not None:
        found = "no header" if not first else f"line {wrong + 2} has {len(fields[wrong])} fields, not {len(header)}"
        raise InputError(f"{path}: {found}. The file is truncated. {REPAIR}")
    return Curve(header, lines, fields)


def joined(parts: Sequence[Curve]) -> Curve:
    """The curves of a run's segments in order, as one; a column that only some have is empty in the others."""
    header = parts[0].header
    for other in parts[1:]:
        if other.header != header:
            header = header + [name for name in other.header if name not in header]
    curve = Curve(header)
    for part in parts:
        names = part.header
        if names == header:
            curve.lines += part.lines
            curve.fields += part.fields
        else:
            indices = [names.index(name) if name in names else None for name in header]
            moved = [["" if index is None else row[index] for index in indices] for row in part.fields]
            curve.fields += moved
            curve.lines += map(_line, moved)
    return curve


def curve_of_rows(header: list[str], rows: Iterable[Mapping[str, str]]) -> Curve:
    """A curve of rows of fields by column."""
    fields = [[row[name] for name in header] for row in rows]
    return Curve(header, list(map(_line, fields)), fields)


def write_curves(path: Path, header: list[str], curves: list[tuple[str, str, Curve]]) -> None:
    """Write all curves, each with its run and cell, as one CSV file; a column that a curve lacks is empty in its rows.

    `header` begins with `run` and `cell`.
    """

    def write(file: IO[bytes]) -> None:
        file.write(f"{_line(header)}\n".encode())
        for run, cell, curve in curves:
            start = _line([run, cell])
            file.write("".join(f"{start},{line}\n" for line in _aligned(curve, header[2:])).encode())

    write_bytes(path, write)


def as_float(text: str) -> float:
    """A field as a number, nan where it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def quoted(field: str) -> str:
    """A field as CSV has it: in quotes where it holds a comma, a quote or a line break."""
    return f'"{field.replace(QUOTE, QUOTE * 2)}"' if SPECIAL.search(field) else field


def _line(fields: Sequence[str]) -> str:
    return ",".join(map(quoted, fields))


def _aligned(curve: Curve, header: list[str]) -> Iterator[str]:
    if curve.header == header:
        return iter(curve.lines)
    # What the curve lacks is its last field: an empty one, put behind its own.
    take = itemgetter(*(curve.header.index(name) if name in curve.header else -1 for name in header))
    return (
        _line(take([*next(csv.reader([line])), ""])) if QUOTE in line else ",".join(take([*line.split(","), ""]))
        for line in curve.lines
    )
