"""Results made elsewhere: a table of runs becomes plan.json, cells.csv and runs.csv like those of a study of our own.

What is wrong is named with the line of the file, all of it at once. What is odd but can be read (copies of rows, axes
that never change, rows without a score) is kept as a note and, where a row is left out, stands in missing.csv.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segsweep.analysis.foreign_exports import is_identity, is_of_optuna
from segsweep.analysis.foreign_files import ForeignTable, Row, read_table_files, shortened
from segsweep.analysis.foreign_values import numbers_of
from segsweep.analysis.import_checks import Location, check_keys, check_names_and_claims
from segsweep.analysis.imported_history import runs_of_epochs
from segsweep.analysis.imported_replicates import by_setting, copies_of, setting_key, undeclared_differences
from segsweep.analysis.imported_rows import Reader, metrics_of
from segsweep.analysis.measures import NAMES
from segsweep.analysis.run_tables import Cells, Epochs, Images, Missing, Runs, level_texts
from segsweep.analysis.samplers import is_adaptive
from segsweep.config.study import Study
from segsweep.config.yaml_documents import nearest
from segsweep.errors import InputError
from segsweep.formatting import label, plural, short_names, value_in_words
from segsweep.hashing import short_hash
from segsweep.io import write_text
from segsweep.planning.plan_file import PLAN_FILE, PlannedCell, PlannedRun, StudyPlan
from segsweep.statuses import USABLE

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
    epochs: list[dict[str, Any]] = field(default_factory=list)


def import_table(study: Study, folder: Path, location: Location = lambda keys: "the study") -> Imported:
    """Read the table of a study.

    Args:
        study: a study with `table`.
        folder: where the study file lies; the table's path is relative to it.
        location: where a key of the study stands, as `file:line`.

    Raises:
        InputError: the file or a column is missing, a status is unknown, a value is impossible, two rows contradict
            each other, rows of one setting differ in what is not declared, or claims and names speak of what the table
            does not have; one problem for each.
    """
    check_keys(study, location)
    source = read_table_files(study.table, folder)
    _check_columns(source, study)
    numbers, problems, notes = numbers_of(source, study.table)
    reader = Reader(study, source, numbers)
    if study.table.history:
        records, curves = runs_of_epochs(source, reader, study.minimize)
    else:
        records, curves = [reader.record(row) for row in source.rows], {}
    problems += reader.all_problems(source)
    kept = [record for record in records if not record["lacking"]]
    problems += undeclared_differences(kept, source, reader)
    if problems:
        raise InputError(*shortened(problems))
    if not kept:
        first = f"{source.place(records[0]['row'])}: {', '.join(records[0]['lacking'])}" if records else "no rows"
        raise InputError(
            f"{source.name}: no row has a value on every axis, a score and a status ({first}). Check `axes`, `metrics` "
            "and `missing`; formulas of a spreadsheet have values once it was saved by a program that computes them."
        )
    copies = _copies(kept, reader)
    kept = [record for record in kept if id(record) not in copies]
    _number_replicates(source, kept, study)
    sampler, said = _sampler(study, source)
    notes += reader.notes + _notes(source, kept, records, copies, list(study.table.axes)) + said
    imported = _assemble(study, source, records, kept, copies, curves, notes)
    if sampler:
        imported.plan.study["table"]["sampler"] = sampler
    check_names_and_claims(study, imported.runs, location)
    return imported


def write(imported: Imported, output: Path) -> None:
    """Write plan.json and the tables into the folder `output`."""
    write_text(output / PLAN_FILE, imported.plan.text() + "\n")
    axes = imported.plan.axes
    Cells.write(output, imported.cells, axes=axes, model_costs=())
    scores = [name for name in imported.metrics if name not in NAMES]
    train = [name for name in scores if imported.epochs and name.startswith("train/")]
    others = [name for name in scores if name not in train]
    Runs.write(output, imported.runs, axes=axes, model_costs=(), **{"val/*": others})
    Missing.write(output, imported.missing)
    Epochs.write(output, imported.epochs, **{"train/*": train, "val/*": others if imported.epochs else []})
    Images.write(output, [], scores=[])


def _check_columns(source: ForeignTable, study: Study) -> None:
    """Each column that the key `table` names is in each file."""
    columns, problems = study.table.columns, []
    for key, column in columns.items():
        without = [file for file, header in source.headers.items() if column not in header]
        if len(without) == len(source.headers):
            without = [Path(source.name)]
        problems += [
            f"{file}: no column {column!r}, which `table.{key}` names. {nearest(column, source.header)}"
            for file in without
        ]
    for row in source.rows:
        for column in {columns[key] for key in columns if key.startswith("axes.")} | {study.table.cell}:
            if "\n" in (text := row.fields.get(column, "")) or "\r" in text:
                problems.append(f"{row.where}: {column} has a line break in {text!r}. Remove it.")
    if problems:
        raise InputError(*shortened(problems))


def _sampler(study: Study, source: ForeignTable) -> tuple[str | None, list[str]]:
    """What proposed the settings, as far as it is known, and what has to be said of it."""
    sampler, said = study.table.sampler, "As trials followed the scores, nothing is judged unless runs share settings."
    if sampler is None and is_of_optuna(source.header):
        return "tpe", [
            "The table is one of Optuna and `table.sampler` is not written down: its usual sampler, tpe, is taken "
            f"for granted. {said} If not, write `sampler: random` or `sampler: grid`."
        ]
    if sampler is None and any(row.fields.get("Sweep") for row in source.rows):
        return None, [
            "The table has sweeps of W&B, which may have followed the scores, and `table.sampler` is not written down: "
            "that they did not is taken for granted. If their method was bayes, write `sampler: bayes`."
        ]
    return sampler, [f"Settings were proposed by {sampler}. {said}"] if is_adaptive(sampler) else []


def _copies(kept: list[dict[str, Any]], reader: Reader) -> dict[int, dict[str, Any]]:
    """By the `id` of each record that is an earlier one again, that one."""
    if reader.table.copies == "keep":
        return {}
    columns = {name: metric.column for name, metric in reader.metrics.items()}
    groups = [copies_of(group, reader.table, columns) for group in by_setting(kept)]
    return {key: record for found in groups for key, record in found.items()}


def _number_replicates(source: ForeignTable, records: list[dict[str, Any]], study: Study) -> None:
    """Ids of cells and runs; rows of one setting without seeds are its replicates, in order."""
    table = study.table
    names: dict[str, int] = {}
    problems = []
    identities = [name for name in source.header if name == table.cell or is_identity(name)]
    for group in by_setting(records):
        cell = short_hash(setting_key(group[0]), 8)
        seeds: dict[int | None, Row] = {}
        named: dict[tuple[str, str], Row] = {}
        for index, record in enumerate(group):
            row, name = record["row"], record["name"]
            seed = record["seed"]  # None where the table has no seeds: none is made up
            finished = record["status"] in USABLE  # after a crash the same seed may run again
            if finished and seed is not None and seed in seeds:
                problems.append(
                    f"{row.where}: the same setting and seed {seed} as {source.place(seeds[seed])}, but other "
                    "results. Remove one of them, or give it its own seed." + _epochs_instead(study)
                )
            elif not table.seed and not table.history:
                ids = [(column, text) for column in identities if (text := row.fields[column])]
                again = next((one for one in ids if one in named), None)
                if again:
                    problems.append(
                        f"{row.where}: {again[0]} {again[1]!r} again, as in {source.place(named[again])}, with the "
                        "same setting but other results. A row is a run." + _epochs_instead(study)
                    )
                named |= dict.fromkeys(ids, row)
            if finished:
                seeds[seed] = row
            run = name or f"{cell}-s{index if seed is None else seed}"
            names[run] = names.get(run, 0) + 1
            record |= {"cell": cell, "seed": seed, "run": run if names[run] == 1 else f"{run}#{names[run]}"}
    if problems:
        raise InputError(*shortened(problems))


def _epochs_instead(study: Study) -> str:
    return "" if study.table.history else " If a row is an epoch of a run, name its column with `table.history`."


def _notes(source: ForeignTable, kept: list, records: list, copies: dict, axes: list[str]) -> list[str]:
    notes = []
    for axis in axes:
        values = {value_in_words(record["settings"][axis]) for record in kept if axis in record["settings"]}
        if len(values) == 1 and all(axis in record["settings"] for record in kept):
            notes.append(f"{axis} has the same value, {values.pop()}, in all rows: nothing can be said of it.")
    again = [record["row"] for record in records if id(record) in copies]
    if again:
        notes.append(
            f"{plural(len(again), 'row')} with the same setting and scores as an earlier one left out as "
            f"{'its copy' if len(again) == 1 else 'copies'}: {_lines(source, again)}. `copies: keep` keeps them."
        )
    lost = [record for record in records if record["lacking"]]
    if lost:
        notes.append(f"{plural(len(lost), 'row')} without all that is needed left out, see missing.csv.")
    return notes


def _assemble(
    study: Study, source: ForeignTable, records: list, kept: list, copies: dict, curves: dict, notes: list[str]
) -> Imported:
    axes = list(study.table.axes)
    names = short_names(axes)
    cells, runs, plan_runs, epochs = {}, [], [], []
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
            | record["values"]
            | record.get("measures", {})
            | {"status": record["status"], "epochs": record["epochs"], "detail": record["detail"]}
            | level_texts(settings, axes)  # last, as one of them may be `epochs`
        )
        epochs += [{"run": record["run"], "cell": record["cell"]} | one for one in curves.get(id(record), [])]
    lost = [
        {"cell": "", "run": record["name"] or source.place(record["row"]), "seed": record["seed"], "role": "run",
         "have": 0, "want": 1, "detail": detail}
        for record in records
        if (detail := _why_left_out(source, record, copies))
    ]  # fmt: skip
    content = study.model_dump(mode="json", by_alias=True)
    named = {"name": study.dataset} if "dataset" in study.model_fields_set else None
    plan = StudyPlan(
        study=content, name=study.name, axes=axes, cells=list(cells.values()),
        runs=plan_runs, dataset=named, names=names, notes=notes,
    )  # fmt: skip
    rows = [cell.to_json() | level_texts(cell.settings, axes) for cell in cells.values()]
    return Imported(plan, rows, runs, lost, list(metrics_of(study.table)), notes, epochs)


def _why_left_out(source: ForeignTable, record: dict[str, Any], copies: dict[int, dict[str, Any]]) -> str:
    place = source.place(record["row"])
    if record["lacking"]:
        return f"{place}: {', '.join(record['lacking'])}"
    if id(record) in copies:
        return f"{place}: a copy of {source.place(copies[id(record)]['row'])}, with the same setting and scores"
    return ""


def _lines(source: ForeignTable, rows: list[Row]) -> str:
    shown = ", ".join(source.place(row) for row in rows[:SHOWN])
    return shown + (f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else "")
