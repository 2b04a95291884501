"""Results made elsewhere: a table of runs becomes plan.json, cells.csv and runs.csv like those of a study of our own.

What is wrong is named with the line of the file, all of it at once. What is odd but can be read (identical rows, axes
that never change, rows without a score) is kept as a note and, where a row is left out, stands in missing.csv.
"""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segsweep.analysis.imported_rows import STATUSES, Reader, read_rows, shortened, without_copies
from segsweep.analysis.measures import NAMES
from segsweep.analysis.run_tables import Cells, Epochs, Images, Missing, Runs, level_texts
from segsweep.config.imported_table import TableMetric
from segsweep.config.study import Study
from segsweep.config.yaml_documents import nearest
from segsweep.errors import InputError
from segsweep.formatting import label, number, plural, short_names
from segsweep.io import write_text
from segsweep.planning.plan_file import PLAN_FILE, PlannedCell, PlannedRun, StudyPlan

SHOWN = 8


@dataclass
class Imported:
    """A foreign table as the rest of the analysis wants it."""

    plan: StudyPlan
    cells: list[dict[str, Any]]
    runs: list[dict[str, Any]]
    missing: list[dict[str, Any]]
    metrics: list[str]
    notes: list[str] = field(default_factory=list)


def import_table(study: Study, folder: Path) -> Imported:
    """Read the table of a study.

    Args:
        study: a study with `table`.
        folder: where the study file lies; the table's path is relative to it.

    Raises:
        InputError: the file or a column is missing, a status is unknown, a value is impossible, two rows contradict
            each other; one problem for each.
    """
    table = study.table
    path = (folder / table.file).resolve() if not Path(table.file).is_absolute() else Path(table.file)
    header, rows = read_rows(path)
    metrics = {name: TableMetric(column=m) if isinstance(m, str) else m for name, m in table.metrics.items()}
    _check_columns(path, header, study, metrics)
    rows, twice = without_copies(rows)
    notes = []
    if twice:
        notes.append(f"{plural(len(twice), 'row')} identical to an earlier one left out: {_lines(twice)}.")
    kept, missing = [], []
    reader = Reader(path, study, metrics, rows)
    for line, row in rows:
        record = reader.record(line, row)
        (missing if record.get("detail") else kept).append(record)
    if reader.problems:
        raise InputError(*shortened(reader.problems))
    if not kept:
        raise InputError(f"{path}: no row has a value on every axis and a status. Check `axes` and `missing`.")
    _number_replicates(path, kept, study)
    notes += _notes(kept, missing, list(table.axes))
    return _assemble(study, kept, missing, list(metrics), notes)


def write(imported: Imported, output: Path) -> None:
    """Write plan.json and the tables into the folder `output`."""
    write_text(output / PLAN_FILE, imported.plan.text() + "\n")
    axes = imported.plan.axes
    Cells.write(output, imported.cells, axes=axes)
    Runs.write(output, imported.runs, axes=axes, **{"val/*": [m for m in imported.metrics if m not in NAMES]})
    Missing.write(output, imported.missing)
    Epochs.write(output, [], **{"train/*": [], "val/*": []})
    Images.write(output, [], scores=[])


def _check_columns(path: Path, header: list[str], study: Study, metrics: dict[str, TableMetric]) -> None:
    table = study.table
    wanted = {f"axes.{axis}": column for axis, column in table.axes.items()}
    wanted |= {f"metrics.{name}": metric.column for name, metric in metrics.items()}
    wanted |= {"status.column": table.status["column"]} if "column" in table.status else {}
    wanted |= {key: getattr(table, key) for key in ("epochs", "seed", "cell") if getattr(table, key)}
    problems = [
        f"{path}:1: no column {column!r}, which `table.{key}` names. {nearest(column, header)}"
        for key, column in wanted.items()
        if column not in header
    ]
    if table.status and "column" not in table.status:
        problems.append("`table.status` has words but no `column`. Add `column: NAME` to it.")
    for word, status in table.status.items():
        if word != "column" and status not in STATUSES:
            problems.append(f"`table.status.{word}` is {status!r}. {nearest(status, STATUSES)}")
    if study.metric not in metrics:
        problems.append(
            f"the study's metric {study.metric!r} is not in `table.metrics`. {nearest(study.metric, metrics)}"
        )
    if problems:
        raise InputError(*problems)


def _number_replicates(path: Path, records: list[dict[str, Any]], study: Study) -> None:
    """Ids of cells and runs; rows of one setting without seeds are its replicates, in order."""
    by_setting: dict[str, list] = {}
    for record in records:
        by_setting.setdefault(json.dumps(record["settings"], sort_keys=True), []).append(record)
    names: dict[str, int] = {}
    problems = []
    for key, group in by_setting.items():
        cell = hashlib.sha256(key.encode()).hexdigest()[:8]
        seeds: dict[int, int] = {}
        for index, record in enumerate(group):
            seed = record["seed"] if study.table.seed else index
            if seed in seeds and study.table.seed:
                problems.append(
                    f"{path}:{record['line']}: the same setting and seed {seed} as line {seeds[seed]}, but other "
                    "results. Remove one of them, or give it its own seed."
                )
            seeds[seed] = record["line"]
            run = record["name"] or f"{cell}-s{'x' if seed is None else seed}"
            names[run] = names.get(run, 0) + 1
            record |= {"cell": cell, "seed": seed, "run": run if names[run] == 1 else f"{run}#{names[run]}"}
    if problems:
        raise InputError(*shortened(problems))


def _notes(kept: list, missing: list, axes: list[str]) -> list[str]:
    notes = []
    for axis in axes:
        values = {json.dumps(record["settings"][axis]) for record in kept}
        if len(values) == 1:
            notes.append(f"{axis} has the same value, {values.pop()}, in all rows: nothing can be said of it.")
    if missing:
        notes.append(f"{plural(len(missing), 'row')} without all that is needed left out, see missing.csv.")
    return notes


def _assemble(study: Study, kept: list, missing: list, metrics: list[str], notes: list[str]) -> Imported:
    axes = list(study.table.axes)
    names = short_names(axes)
    cells, runs, plan_runs = {}, [], []
    for record in kept:
        settings = record["settings"]
        cells.setdefault(
            record["cell"],
            PlannedCell(record["cell"], label(settings, names), "run", round="", note="", settings=settings),
        )
        base = {key: record[key] for key in ("cell", "run", "seed")} | {"fold": None, "round": "", "role": "run"}
        plan_runs.append(PlannedRun(**base, epochs=record["epochs"]))
        runs.append(
            base
            | level_texts(settings, axes)
            | record["values"]
            | {"status": record["status"], "epochs": record["epochs"]}
        )
    lost = [
        {"cell": "", "run": record["name"] or f"line {record['line']}", "seed": record["seed"], "role": "run",
         "have": 0, "want": 1, "detail": record["detail"]}
        for record in missing
    ]  # fmt: skip
    plan = StudyPlan(
        study=study.model_dump(mode="json", by_alias=True), name=study.name, axes=axes, cells=list(cells.values()),
        runs=plan_runs, dataset={"name": study.dataset}, names=names, notes=notes,
    )  # fmt: skip
    rows = [cell.to_json() | level_texts(cell.settings, axes) for cell in cells.values()]
    return Imported(plan, rows, runs, lost, metrics, notes)


def _lines(lines: list[int]) -> str:
    shown = ", ".join(map(number, lines[:SHOWN]))
    return f"line{'s' * (len(lines) > 1)} {shown}" + (f" and {len(lines) - SHOWN} more" if len(lines) > SHOWN else "")
