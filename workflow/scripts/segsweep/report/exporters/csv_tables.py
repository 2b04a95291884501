"""Each table of the report as CSV, with the numbers as the report writes them."""

import csv
import io
from pathlib import Path
from typing import ClassVar

from segsweep.config.components import Exporter
from segsweep.io import write_text
from segsweep.report.finished_report import FinishedReport
from segsweep.report.value_styles import MISSING


class CSVTables(Exporter):
    """Each table of the report as CSV."""

    title: ClassVar[str] = "tables as CSV"


def export(report: FinishedReport, output: Path) -> list[Path]:
    """tables/<name>.csv, UTF-8; a dash for a missing value becomes an empty field."""
    made = []
    for table in report.tables:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        for row in [table.head, *table.rows]:
            writer.writerow("" if cell.text == MISSING else cell.text for cell in row)
        made.append(output / "tables" / f"{table.name}.csv")
        write_text(made[-1], text.getvalue())
    return made
