"""JSON lines: an object a line; sections are dotted columns."""

import io
import json
from pathlib import Path
from typing import Any

from segsweep.config.dotted_keys import flat
from segsweep.io import regular
from segsweep.programs.results_files import MalformedFile, Row

COMPLETE_HEADER = False


def read(path: Path, whole: bool) -> list[Row]:
    """See `segsweep.programs.results_files`."""
    lines = io.StringIO(regular(path).read_text(encoding="utf-8-sig", errors="replace"))  # parted by line feeds alone
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or (not whole and not line.endswith("\n")):
            continue
        try:
            content = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise MalformedFile(f"{path}:{number}: is no JSON ({error}); each line is to be an object.") from error
        if not isinstance(content, dict):
            raise MalformedFile(f"{path}:{number}: is {type(content).__name__}, but each line is to be an object.")
        rows.append({name: repr(value) for name, value in flat(content).items() if _is_number(value)})
    return rows


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
