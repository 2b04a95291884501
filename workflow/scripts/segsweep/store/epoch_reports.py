"""What an unfinished segment has shown so far, for those who watch it: reports.jsonl in its folder.

A line is an epoch as its trainer reported it, scores included, which epochs.csv of the builtin trainer has not: they
are computed from counts when the segment is complete. The file goes then.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segsweep.disk_errors import naming
from segsweep.io import regular

REPORTS = "reports.jsonl"

Report = dict[str, float]  # `epoch`, and numbers by column


def add_report(folder: Path, row: Mapping[str, Any]) -> None:
    """Append an epoch to the reports in a segment's unfinished folder; what is no number in it is left out."""
    numbers = {name: value for name, value in row.items() if isinstance(value, int | float)}
    path = folder / REPORTS
    with naming(path), regular(path).open("a", encoding="utf-8") as file:
        file.write(json.dumps(numbers) + "\n")


def read_reports(folder: Path) -> list[Report]:
    """The epochs in order; none where there is no file.

    Where a segment began again, or went back to its last saved epoch, only what was reported since then counts. A line
    that is being written, or was when its process was killed, is passed over, as is any other that is no report.
    """
    try:
        lines = regular(folder / REPORTS).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    found: list[Report] = []
    for line in lines:
        report = _report(line)
        if report is None:
            continue
        while found and found[-1]["epoch"] >= report["epoch"]:
            found.pop()
        found.append(report)
    return found


def _report(line: str) -> Report | None:
    """What a line says; None where it is no report."""
    try:
        report = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(report, dict) or not isinstance(report.get("epoch"), int):
        return None
    return {name: value for name, value in report.items() if isinstance(value, int | float)}
