"""Files of results made elsewhere as rows of texts: CSV of any dialect, .xlsx, .parquet, many files as one table."""

import codecs
import csv
import datetime
import json
import os
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any

from segsweep.config.imported_table import Table, table_files
from segsweep.errors import InputError
from segsweep.io import read_text, regular

REMEDY = "`table.file` is relative to the study file."
DELIMITERS = ",;\t|"
TITLE_ROWS = 20
FILE_COLUMN = "file"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the file, the line (the row of a sheet) where it begins, and its fields, blanks around them removed."""

    file: Path
    line: int
    fields: dict[str, str]

    @property
    def where(self) -> str:
        """`file:line`, as problems begin."""
        return f"{self.file}:{self.line}"


@dataclass
class ForeignTable:
    """All rows of a study's table.

    name: the file, or the pattern.
    headers: the columns of each file.
    several: whether there are more files than one.
    folder: that all files lie below, where they were found by a pattern.
    plain_commas: whether a comma can stand in a number without a second thought: fields are not separated by it, and
        are written by people.
    """

    name: str
    header: list[str]
    rows: list[Row]
    headers: dict[Path, list[str]] = field(default_factory=dict)
    several: bool = False
    folder: Path | None = None
    plain_commas: bool = False

    def place(self, row: Row) -> str:
        """`line 5`, with the file's name where there are several."""
        return f"{row.file.name} line {row.line}" if self.several else f"line {row.line}"


def read_table_files(table: Table, folder: Path) -> ForeignTable:
    """All rows of the files that a table names, with a column for each placeholder.

    Args:
        table: the key `table` of a study.
        folder: where the study file lies.

    Raises:
        InputError: a file cannot be read or has no rows, a column stands twice, a row has another number of fields;
            one problem for each.
    """
    files = table_files(table, folder)
    wanted = [column for column in table.columns.values() if column not in table.placeholders]
    header: dict[str, None] = {}
    headers: dict[Path, list[str]] = {}
    rows: list[Row] = []
    problems: list[str] = []
    delimiters = set()
    for path, parts in files.items():
        try:
            own_header, own_rows, delimiter = _read_file(path, table, wanted)
        except InputError as error:
            problems += error.problems
            continue
        delimiters.add(delimiter)
        for name in parts:
            if name in own_header:
                problems.append(
                    f"{path}:1: {name!r} is a column and a placeholder of `table.file`. Rename the placeholder."
                )
        more = parts | ({FILE_COLUMN: str(path)} if table.is_pattern and FILE_COLUMN not in own_header else {})
        headers[path] = [*more, *own_header]
        header |= dict.fromkeys(headers[path])
        rows += [Row(path, line, more | fields) for line, fields in own_rows]
    if problems:
        raise InputError(*shortened(problems))
    if len(files) > 1:
        blank = dict.fromkeys(header, "")
        rows = [Row(row.file, row.line, blank | row.fields) for row in rows]
    name = table.file if table.is_pattern else str(next(iter(files)))
    below = Path(os.path.commonpath([path.parent for path in files])) if table.is_pattern else None
    return ForeignTable(name, list(header), rows, headers, len(files) > 1, below, delimiters <= {";", "\t", "|"})


def _read_file(path: Path, table: Table, wanted: list[str]) -> tuple[list[str], list[tuple[int, dict]], str]:
    """Header, rows with their lines, and what separates fields (empty where the file knows its types)."""
    try:
        regular(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}). {REMEDY}") from error
    kind = path.suffix.lower()
    delimiter = ""
    if kind == ".xlsx":
        lines = _read_sheet(path, table.sheet, wanted)
    elif kind in (".parquet", ".pq"):
        lines = _read_parquet(path)
    elif kind in (".xls", ".ods", ".json", ".jsonl", ".feather", ".pkl"):
        raise InputError(f"{path}: {kind} is not read. Save it as .xlsx, as CSV or as .parquet.")
    else:
        lines, delimiter = _read_csv(path, table.delimiter, wanted)
    lines = [(line, [value.strip() for value in fields]) for line, fields in lines if any(map(str.strip, fields))]
    if len(lines) < 2:
        raise InputError(f"{path}: no rows. A header and one row a run are needed.")
    at = _header_at([fields for _, fields in lines], wanted)
    first, header = lines[at]
    header, body = _without_empty_columns(header, lines[at + 1 :])
    doubles = sorted({name for name in header if header.count(name) > 1})
    if doubles and body and set(wanted) & {f"{name}_{more}" for name, more in zip(header, body[0][1], strict=False)}:
        raise InputError(
            f"{path}:{first}: column names stand in two lines, as pandas writes several levels of them. Export "
            "the table with one: `trials_dataframe(multi_index=False)`."
        )
    if doubles:
        raise InputError(f"{path}:{first}: column {', '.join(map(repr, doubles))} stands twice. Rename one of them.")
    wrong = [
        f"{path}:{line}: {len(fields)} fields, but the header has {len(header)}. Check quotes and the delimiter "
        f"({delimiter!r}; `table.delimiter` sets it)."
        for line, fields in body
        if len(fields) != len(header)
    ]
    if wrong or not body:
        raise InputError(*(shortened(wrong) or [f"{path}: no rows. A header and one row a run are needed."]))
    return header, [(line, dict(zip(header, fields, strict=True))) for line, fields in body], delimiter


def _read_csv(path: Path, delimiter: str | None, wanted: list[str]) -> tuple[list[tuple[int, list[str]]], str]:
    """Fields of each record with the line where it ends; line breaks in quoted fields are kept."""
    text = _text_of(path)
    skipped = 0
    first, _, rest = text.partition("\n")
    if first.strip().strip('"').lower().startswith("sep=") and len(first.strip().strip('"')) <= 5:  # of Excel
        delimiter = delimiter or first.strip().strip('"')[4:] or "\t"
        text, skipped = rest, 1
    if delimiter is None:
        delimiter = max(DELIMITERS, key=lambda one: _fit(text, one, wanted))
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter)
    records, begin = [], 1 + skipped
    try:
        for fields in reader:
            records.append((begin, fields))
            begin = reader.line_num + 1 + skipped
    except csv.Error as error:
        raise InputError(f"{path}:{begin}: is no CSV ({error}). Check quotes.") from error
    return records, delimiter


def _text_of(path: Path) -> str:
    """A text file, UTF-8, or UTF-16 with its mark, which spreadsheets call Unicode text."""
    try:
        data = path.read_bytes()
        wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = data.decode("utf-16").replace("\r\n", "\n") if wide else read_text(path, REMEDY)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}). {REMEDY}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is no whole UTF-16 text (byte {error.start}). Save it as UTF-8.") from error
    before, nul, _ = text.partition("\0")
    if nul:
        line = before.count("\n") + 1
        raise InputError(f"{path}:{line}: has a NUL byte, which no text has. Export the table again, as UTF-8.")
    return text


def _fit(text: str, delimiter: str, wanted: list[str]) -> tuple[int, int]:
    """How well a delimiter fits: how many of the columns it yields in one of the first rows, and how many fields."""
    try:
        head = [
            [value.strip() for value in fields]
            for fields in islice(csv.reader(StringIO(text, newline=""), delimiter=delimiter), TITLE_ROWS)
        ]
    except csv.Error:
        return 0, 0
    return max(((len(set(wanted) & set(fields)), len(fields)) for fields in head), default=(0, 0))


def _header_at(lines: list[list[str]], wanted: list[str]) -> int:
    """Index of the header: the first of the first rows that has the most of the columns; titles may stand above it."""
    found = [len(set(wanted) & set(fields)) for fields in lines[:TITLE_ROWS]]
    return found.index(max(found))


def _without_empty_columns(header: list[str], body: list) -> tuple[list[str], list]:
    """Without columns that have neither a name nor a value, such as those behind semicolons at the end of lines."""
    used = max((i + 1 for _, fields in body for i, value in enumerate(fields) if value), default=0)
    width = max(max((i + 1 for i, name in enumerate(header) if name), default=0), min(used, len(header)))
    return header[:width], [(line, fields[:width] if not any(fields[width:]) else fields) for line, fields in body]


def _read_sheet(path: Path, name: str | None, wanted: list[str]) -> list[tuple[int, list[str]]]:
    """Rows of a sheet; of joined cells each has the value, and percentages are written as such."""
    # Here, not above: only who reads spreadsheets waits for it.
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = openpyxl.load_workbook(path, data_only=True)
    except FileNotFoundError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}). {REMEDY}") from error
    except (InvalidFileException, zipfile.BadZipFile, OSError, KeyError, ValueError) as error:
        raise InputError(f"{path}: is no .xlsx file ({error}). Save it again as .xlsx, or as CSV.") from error
    sheets = {sheet.title: _cells(sheet) for sheet in book.worksheets}
    if name is not None:
        if name not in sheets:
            raise InputError(f"{path}: no sheet {name!r}, which `table.sheet` names. Sheets: {', '.join(sheets)}.")
        return sheets[name]
    fit = {
        title: max((len(set(wanted) & {value.strip() for value in row}) for _, row in rows[:TITLE_ROWS]), default=0)
        for title, rows in sheets.items()
    }
    best = [title for title in sheets if fit[title] == max(fit.values())]
    if len(best) > 1 and fit[best[0]] > 0:
        raise InputError(
            f"{path}: {', '.join(map(repr, best))} have the same columns. Name one with `table.sheet`, or put all rows "
            "into one sheet."
        )
    return sheets[best[0]]


def _cells(sheet: Any) -> list[tuple[int, list[str]]]:
    values = [[_cell_text(cell) for cell in row] for row in sheet.iter_rows()]
    for joined in sheet.merged_cells.ranges:
        text = values[joined.min_row - 1][joined.min_col - 1]
        if joined.min_col != joined.max_col:  # a title over several columns
            continue
        for row in range(joined.min_row - 1, joined.max_row):
            values[row][joined.min_col - 1] = text
    return list(enumerate(values, 1))


def _cell_text(cell: Any) -> str:
    number = isinstance(cell.value, int | float) and not isinstance(cell.value, bool)
    if number and "%" in (cell.number_format or ""):
        return f"{(Decimal(repr(cell.value)) * 100).normalize():f}%"
    return _text(cell.value)


def _read_parquet(path: Path) -> list[tuple[int, list[str]]]:
    """Rows of a Parquet file, counted from 1 below the header."""
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.read_table(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: cannot be read (No such file or directory). {REMEDY}") from error
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"{path}: is no Parquet file ({error}). Write it again.") from error
    columns = [[_text(value) for value in _numbers(column)] for column in table.columns]
    rows: Iterable[Sequence[str]] = zip(*columns, strict=True)
    return [(0, [str(name) for name in table.column_names]), *((i, list(row)) for i, row in enumerate(rows, 1))]


def _numbers(column: Any) -> list[Any]:
    """Values of a column of Parquet; those of 32 or 16 bits as their own digits: 0.001, not 0.0010000000475."""
    import numpy as np  # here, not above: the plan reads tables, too

    kind = {"float": np.float32, "halffloat": np.float16}.get(str(column.type))
    if kind is None:
        return column.to_pylist()
    return [None if value is None else str(kind(value)) for value in column.to_pylist()]


def _text(value: Any) -> str:
    """A typed value as the text that a CSV file would hold."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return json.dumps(value, default=str) if isinstance(value, list | dict) else str(value)


def shortened(problems: list[str], most: int = 30) -> list[str]:
    """The first problems, and how many more there are."""
    if len(problems) <= most:
        return problems
    return [*problems[:most], f"... and {len(problems) - most} more of the kind."]
