"""CSV with a header: fields parted by commas, semicolons or tabs."""

import csv
import io
from pathlib import Path
from typing import Any

from segsweep.io import regular
from segsweep.programs.results_files import MalformedFile, Row, number_or_none

COMPLETE_HEADER = True


def read(path: Path, whole: bool) -> list[Row]:
    """See `segsweep.programs.results_files`. A header that stands in the file again is passed over."""
    lines = list(io.StringIO(regular(path).read_text(encoding="utf-8-sig", errors="replace")))
    if lines and not whole and not lines[-1].endswith("\n"):
        lines.pop()
    if not lines:
        return []
    table = csv.reader(lines, delimiter=max(",;\t", key=lines[0].count), skipinitialspace=True)
    try:
        return _rows(path, table)
    except csv.Error as error:
        raise MalformedFile(f"{path}:{table.line_num}: is no CSV ({error}).") from error


def _rows(path: Path, table: Any) -> list[Row]:
    header = [name.strip() for name in next(table)]
    if twice := sorted({name for name in header if name and header.count(name) > 1}):
        raise MalformedFile(f"{path}:1: the header names {', '.join(map(repr, twice))} more than once.")
    rows = []
    for fields in table:
        if not any(field.strip() for field in fields) or [field.strip() for field in fields] == header:
            continue
        if len(fields) != len(header):
            raise MalformedFile(
                f"{path}:{table.line_num}: {len(fields)} fields, but the header names {len(header)}: "
                f"{', '.join(header)}."
            )
        numbers = {name: number_or_none(field) for name, field in zip(header, fields, strict=True)}
        rows.append({name: number for name, number in numbers.items() if number is not None})
    return rows
