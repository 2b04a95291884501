"""Builds a report: the sections in order, their figures, the sources of all numbers, the page."""

import json
import pkgutil
from importlib import import_module
from pathlib import Path
from types import ModuleType

from segsweep.errors import InputError
from segsweep.report import sections
from segsweep.report.figures import theme
from segsweep.report.markdown import blocks
from segsweep.report.number_ledger import sources_csv
from segsweep.report.page import to_html
from segsweep.report.sections.provenance import gather
from segsweep.report.sources import SourceFiles
from segsweep.report.study_results import StudyResults
from segsweep.report.verify import compare_numbers


def build(folder: str | Path, output: str | Path, store: str | Path | None = None, *, partial: bool = False) -> None:
    """Writes report.md, report.html, report.sources.csv, provenance.json and figures/ into `output`.

    `folder` holds the tables of `segsweep.analysis`; `store` the segments, for their provenance.

    Raises:
        InputError: tables are missing, or planned runs are and `partial` is false.
        UnsourcedError: a sentence holds a number without a source.
    """
    folder, output = Path(folder), Path(output)
    (output / "figures").mkdir(parents=True, exist_ok=True)
    theme.use_theme()
    _check(folder, partial)
    results = StudyResults(folder, output)
    if store is not None and Path(store).is_dir() and any(run["segments"] for run in results.plan["runs"]):
        provenance = gather(results.plan, Path(store))
        text = json.dumps(provenance, indent=1, sort_keys=True, ensure_ascii=False)
        (folder / "provenance.json").write_text(text + "\n", encoding="utf-8")
    title = results.quote_plan("study.title" if results.study.get("title") else "study.name")
    written = [write_section(module, results) for module in all_sections()]
    markdown, rows = results.ledger.finish(blocks(f"# {title}\n", *written))
    sources = sources_csv(rows)
    compare_numbers(markdown, sources)
    (output / "report.md").write_text(markdown, encoding="utf-8")
    (output / "report.sources.csv").write_text(sources, encoding="utf-8")
    (output / "report.html").write_text(to_html(markdown, output), encoding="utf-8")
    for old in (output / "figures").glob("*.png"):
        if old.name not in results.shown_figures:
            old.unlink()


def all_sections() -> list[ModuleType]:
    """The modules of `report/sections` that are sections, in the order of the report."""
    modules = [import_module(f"{sections.__name__}.{found.name}") for found in pkgutil.iter_modules(sections.__path__)]
    return sorted((module for module in modules if hasattr(module, "TITLE")), key=lambda module: module.ORDER)


def write_section(module: ModuleType, results: StudyResults) -> str:
    """A section below its heading; empty when it has nothing to say of this study."""
    body = module.write(results)
    return blocks(f"## {module.TITLE}\n", body) if body else ""


def _check(folder: Path, partial: bool) -> None:
    required = ("plan.json", "runs.csv", "ranking.csv", "analysis.json")
    lacking = [name for name in required if not (folder / name).is_file()]
    if lacking:
        raise InputError(f"{folder}: {', '.join(lacking)} missing. Collect and analyze the study first.")
    missing = len(SourceFiles(folder).table("missing.csv")) if (folder / "missing.csv").is_file() else 0
    if missing and not partial:
        raise InputError(
            f"{folder / 'missing.csv'}: {missing} planned runs are missing. Train them, or ask for a partial report."
        )
