"""Builds a report: the sections in order, their figures, the sources of all numbers, the page."""

from pathlib import Path

from segsweep.errors import InputError
from segsweep.io import write_json, write_text
from segsweep.planning.plan_file import read_plan
from segsweep.report.figures import theme
from segsweep.report.markdown import blocks
from segsweep.report.number_ledger import sources_csv
from segsweep.report.page import to_html
from segsweep.report.quoted_results import QuotedResults
from segsweep.report.sections.provenance import gather
from segsweep.report.sources import SourceFiles
from segsweep.report.verify import compare_text
from segsweep.report.written_sections import all_sections, title, write_section
from segsweep.store.segment_store import SegmentStore


def build(folder: str | Path, output: str | Path, store: str | Path | None = None, *, partial: bool = False) -> None:
    """Writes report.md, report.html, report.sources.csv, provenance.json and figures/ into `output`.

    `folder` holds the tables of `segsweep.analysis`; `store` the segments, for their provenance.

    Raises:
        InputError: tables are missing, or planned runs are, which no budget left out, and `partial` is false.
        UnsourcedError: a sentence holds a number without a source.
    """
    folder, output = Path(folder), Path(output)
    (output / "figures").mkdir(parents=True, exist_ok=True)
    theme.use_theme()
    _check(folder, partial)
    results = QuotedResults(folder, output)
    if store is not None and Path(store).is_dir() and any(run.segments for run in results.plan.runs):
        write_json(folder / "provenance.json", gather(results.plan, SegmentStore(Path(store))))
    heading = title(results)
    written = [write_section(section, results) for section in all_sections()]
    markdown, rows = results.ledger.finish(blocks(heading, *written))
    sources = sources_csv(rows)
    compare_text(markdown, sources)
    write_text(output / "report.md", markdown)
    write_text(output / "report.sources.csv", sources)
    write_text(output / "report.html", to_html(markdown, output))
    shown = {Path(name).stem for name in results.shown_figures}
    for old in (output / "figures").glob("*.p[nd][gf]"):
        if old.stem not in shown:
            old.unlink()


def _check(folder: Path, partial: bool) -> None:
    required = ("plan.json", "runs.csv", "ranking.csv", "analysis.json")
    lacking = [name for name in required if not (folder / name).is_file()]
    if lacking:
        raise InputError(f"{folder}: {', '.join(lacking)} missing. Collect and analyze the study first.")
    table = SourceFiles(folder).table("missing.csv") if (folder / "missing.csv").is_file() else []
    missing = sum(not row.get("left_out") for row in table)
    # Of a table made elsewhere these are rows that cannot be used: nobody can train them.
    if missing and not partial and not read_plan(folder / "plan.json").study.get("table"):
        raise InputError(
            f"{folder / 'missing.csv'}: {missing} planned runs are missing. Train them, or ask for a partial report."
        )
