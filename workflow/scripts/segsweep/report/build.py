"""Putting a report together: sections in order, figures, sources, the page."""

from pathlib import Path

from segsweep.errors import InputError
from segsweep.report.figures import theme
from segsweep.report.number_ledger import sources_csv
from segsweep.report.page import to_html
from segsweep.report.provenance import gather
from segsweep.report.sections import (
    design,
    evidence,
    factors,
    next_steps,
    origin,
    outcome,
    ranking,
    search,
    setup,
    summary,
)
from segsweep.report.sections.context import Context, blocks, json_text
from segsweep.report.sources import Sources
from segsweep.report.verify import compare_numbers

SECTIONS = (
    setup.heading,
    summary.section,
    setup.section,
    design.section,
    ranking.section,
    outcome.best_configuration,
    factors.section,
    search.section,
    ranking.curve_section,
    evidence.pictures,
    evidence.importance,
    evidence.correlations,
    evidence.claims,
    outcome.endings,
    outcome.optimal,
    outcome.expected,
    outcome.cost,
    next_steps.section,
    evidence.comparison,
    origin.section,
)


def build(results: str | Path, output: str | Path, store: str | Path | None = None, *, partial: bool = False) -> None:
    """Writes report.md, report.html, report.sources.csv, provenance.json and figures/ into `output`.

    `results` holds the tables of `segsweep.analysis`; `store` the segments, for their provenance.

    Raises:
        InputError: tables are missing, or planned runs are and `partial` is false.
        UnsourcedError: a sentence holds a number that no table stands behind.
    """
    results, output = Path(results), Path(output)
    (output / "figures").mkdir(parents=True, exist_ok=True)
    theme.use_theme()
    _check(results, partial)
    context = Context(results, output)
    if store is not None and Path(store).is_dir() and any(run["segments"] for run in context.plan["runs"]):
        (results / "provenance.json").write_text(json_text(gather(context.plan, Path(store))) + "\n", encoding="utf-8")
    markdown, rows = context.ledger.finish(blocks(*[section(context) for section in SECTIONS]))
    sources = sources_csv(rows)
    compare_numbers(markdown, sources)
    (output / "report.md").write_text(markdown, encoding="utf-8")
    (output / "report.sources.csv").write_text(sources, encoding="utf-8")
    (output / "report.html").write_text(to_html(markdown, output), encoding="utf-8")
    for old in (output / "figures").glob("*.png"):
        if old.name not in context.shown_figures:
            old.unlink()


def _check(results: Path, partial: bool) -> None:
    lacking = [
        name for name in ("plan.json", "runs.csv", "ranking.csv", "analysis.json") if not (results / name).is_file()
    ]
    if lacking:
        raise InputError(f"{results}: {', '.join(lacking)} missing. Collect and analyze the study first.")
    missing = len(Sources(results).table("missing.csv")) if (results / "missing.csv").is_file() else 0
    if missing and not partial:
        raise InputError(
            f"{results / 'missing.csv'}: {missing} planned runs are not there. Train them, or ask for a partial report."
        )
