"""Results made elsewhere: a table of runs becomes plan.json, cells.csv and runs.csv like those of a study of our own.

What is wrong is named with the line of the file, all of it at once. What is odd but can be read (identical rows, axes
that never change, rows without a score) is kept as a note and, where a row is left out, stands in missing.csv.
"""

import csv
import hashlib
import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segsweep.study.files import nearest
from segsweep.study.settings.base import InputError
from segsweep.study.settings.study import Study
from segsweep.study.settings.table import TableMetric
from segsweep.study.texts import read_text
from segsweep.study.words import label, number, plural, short_names

from .collect import CELL_FRONT, COSTS, DERIVED, MISSING, RUN_FRONT, level_texts, write_rows
from .results import RULES

STATUSES = tuple(RULES)
FREE = ("cost/", "stability/", "convergence/", "overfit/")
SHOWN = 8


@dataclass
class Imported:
    """A foreign table as the rest of the analysis wants it."""

    plan: dict[str, Any]
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
            each other; one complaint for each.
    """
    table = study.table
    path = (folder / table.file).resolve() if not Path(table.file).is_absolute() else Path(table.file)
    header, rows = _read(path)
    metrics = {name: TableMetric(column=m) if isinstance(m, str) else m for name, m in table.metrics.items()}
    _check_columns(path, header, study, metrics)
    gone, complaints, notes = set(table.missing), [], []
    rows, twice = _without_copies(rows)
    if twice:
        notes.append(f"{plural(len(twice), 'row')} identical to an earlier one left out: {_lines(twice)}.")
    kept, missing = [], []
    numeric = {axis for axis, column in table.axes.items() if _all_numbers(rows, column, gone)}
    for line, row in rows:
        record = _record(path, line, row, study, metrics, gone, numeric, complaints)
        (missing if record.get("detail") else kept).append(record)
    if complaints:
        raise InputError(*_shortened(complaints))
    if not kept:
        raise InputError(f"{path}: no row has a value on every axis and a status. Check `axes` and `missing`.")
    _number_replicates(path, kept, study)
    notes += _notes(kept, missing, list(table.axes))
    return _assemble(study, kept, missing, list(metrics), notes)


def write(imported: Imported, output: Path) -> None:
    """Write plan.json and the tables into the folder `output`."""
    output.mkdir(parents=True, exist_ok=True)
    (output / "plan.json").write_text(json.dumps(imported.plan, indent=1) + "\n", encoding="utf-8")
    axes = imported.plan["axes"]
    write_rows(output / "cells.csv", [*CELL_FRONT, *axes], imported.cells)
    own = [name for name in imported.metrics if name not in (*DERIVED, *COSTS)]
    header = [*RUN_FRONT, *axes, *own, *DERIVED, *COSTS, "segments"]
    write_rows(output / "runs.csv", header, imported.runs)
    write_rows(output / "missing.csv", MISSING, imported.missing)
    write_rows(output / "epochs.csv", ["run", "cell", "epoch"], [])
    write_rows(output / "images.csv", ["run", "cell", "image"], [])


def _read(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """Header, and (line, fields) of each row that is not empty."""
    text = read_text(path, "`table.file` is relative to the study file.")
    first = text.split("\n", 1)[0]
    reader = csv.reader(text.splitlines(), delimiter=max(",;\t", key=first.count))
    header = [name.strip() for name in next(reader, [])]
    if len(set(header)) != len(header):
        doubles = sorted({name for name in header if header.count(name) > 1})
        raise InputError(f"{path}:1: column {', '.join(map(repr, doubles))} stands twice. Rename one of them.")
    rows, wrong = [], []
    for fields in reader:
        if not any(value.strip() for value in fields):
            continue
        if len(fields) != len(header):
            wrong.append(
                f"{path}:{reader.line_num}: {len(fields)} fields, but the header has {len(header)}. Check quotes."
            )
            continue
        rows.append((reader.line_num, dict(zip(header, (value.strip() for value in fields), strict=True))))
    if wrong or not rows:
        raise InputError(*(_shortened(wrong) or [f"{path}: no rows. A header and one row a run are needed."]))
    return header, rows


def _check_columns(path: Path, header: list[str], study: Study, metrics: dict[str, TableMetric]) -> None:
    table = study.table
    wanted = {f"axes.{axis}": column for axis, column in table.axes.items()}
    wanted |= {f"metrics.{name}": metric.column for name, metric in metrics.items()}
    wanted |= {"status.column": table.status["column"]} if "column" in table.status else {}
    wanted |= {key: getattr(table, key) for key in ("epochs", "seed", "cell") if getattr(table, key)}
    complaints = [
        f"{path}:1: no column {column!r}, which `table.{key}` names. {nearest(column, header)}"
        for key, column in wanted.items()
        if column not in header
    ]
    if table.status and "column" not in table.status:
        complaints.append("`table.status` has words but no `column`. Add `column: NAME` to it.")
    for word, status in table.status.items():
        if word != "column" and status not in STATUSES:
            complaints.append(f"`table.status.{word}` is {status!r}. {nearest(status, STATUSES)}")
    if study.metric not in metrics:
        complaints.append(
            f"the study's metric {study.metric!r} is not in `table.metrics`. {nearest(study.metric, metrics)}"
        )
    if complaints:
        raise InputError(*complaints)


def _without_copies(rows: list) -> tuple[list, list[int]]:
    seen: set[tuple] = set()
    kept, twice = [], []
    for line, row in rows:
        key = tuple(row.values())
        (twice.append(line) if key in seen else kept.append((line, row)))
        seen.add(key)
    return kept, twice


def _all_numbers(rows: list, column: str, gone: set[str]) -> bool:
    return all(_number(row[column]) is not None for _, row in rows if row[column] not in gone)


def _record(path, line, row, study, metrics, gone, numeric, complaints) -> dict[str, Any]:
    """One run, with `detail` if it cannot be used; what is impossible goes to the complaints."""
    table = study.table
    settings, lacking = {}, []
    for axis, column in table.axes.items():
        if row[column] in gone:
            lacking.append(f"no {column}")
        else:
            settings[axis] = _number(row[column]) if axis in numeric else row[column]
    record: dict[str, Any] = {"line": line, "settings": settings, "values": {}, "epochs": None}
    record["name"] = row[table.cell] if table.cell else ""
    record["seed"] = _whole(path, line, table.seed, row, gone, complaints)
    record["epochs"] = _whole(path, line, table.epochs, row, gone, complaints)
    record["status"] = _status(path, line, row, table, gone, complaints)
    for name, metric in metrics.items():
        text = row[metric.column]
        if text in gone:
            continue
        value = _number(text.removesuffix("%").strip() if metric.unit == "percent" else text)
        problem = _impossible(name, metric, text, value)
        if problem:
            complaints.append(f"{path}:{line}: {metric.column} is {text!r}: {problem}")
        elif value is not None:
            record["values"][name] = value / 100 if metric.unit == "percent" else value
    if record["status"] in ("finished", "early_stopped") and study.metric not in record["values"]:
        lacking.append(f"no {metrics[study.metric].column}")
    if record["status"] is None:
        lacking.append("no status")
    record["detail"] = f"line {line}: {', '.join(lacking)}" if lacking else ""
    return record


def _impossible(name: str, metric: TableMetric, text: str, value: float | None) -> str:
    if value is None:
        return "not a number. If it stands for a missing value, add it to `table.missing`."
    if name.startswith(FREE) or "loss" in name or metric.unit == "none":
        bounded = re.search(r"(^|/)(m?iou|m?ap(50|75)?|dice|jaccard|hmean|f1|precision|recall|accuracy)$", name)
        return f"impossible, {name} lies between 0 and 1." if bounded and not 0 <= value <= 1 else ""
    top = 100.0 if metric.unit == "percent" else 1.0
    if 0 <= value <= top:
        return ""
    hint = ""
    if metric.unit == "fraction" and 1 < value <= 100:
        hint = f" If the column is in percent, write `{name}: {{column: {metric.column}, unit: percent}}`."
    return f"impossible, {name} in {metric.unit} lies between 0 and {top:g}.{hint}"


def _status(path, line, row, table, gone, complaints) -> str | None:
    if "column" not in table.status:
        return "finished"
    word = row[table.status["column"]]
    if word in gone:
        return None
    words = {key: value for key, value in table.status.items() if key != "column"}
    if word in words or word in STATUSES:
        return words.get(word, word)
    known = ", ".join(dict.fromkeys([*words, *STATUSES]))
    complaints.append(
        f"{path}:{line}: {table.status['column']} is {word!r}, which `table.status` does not translate. Add "
        f"`{word}: STATUS`, with one of {', '.join(STATUSES)}. Known: {known}."
    )
    return None


def _whole(path, line, column, row, gone, complaints) -> int | None:
    if column is None or row[column] in gone:
        return None
    value = _number(row[column])
    if value is None or value != int(value) or value < 0:
        complaints.append(f"{path}:{line}: {column} is {row[column]!r}, not a whole number from 0 on. Correct the row.")
        return None
    return int(value)


def _number(text: str) -> float | int | None:
    try:
        value = float(text)
    except ValueError:
        return None
    if not math.isfinite(value):
        return None
    return int(text) if re.fullmatch(r"[+-]?\d+", text) else value


def _number_replicates(path: Path, records: list[dict[str, Any]], study: Study) -> None:
    """Ids of cells and runs; rows of one setting without seeds are its replicates, in order."""
    by_setting: dict[str, list] = {}
    for record in records:
        by_setting.setdefault(json.dumps(record["settings"], sort_keys=True), []).append(record)
    names: dict[str, int] = {}
    complaints = []
    for key, group in by_setting.items():
        cell = hashlib.sha256(key.encode()).hexdigest()[:8]
        seeds: dict[int, int] = {}
        for place, record in enumerate(group):
            seed = record["seed"] if study.table.seed else place
            if seed in seeds and study.table.seed:
                complaints.append(
                    f"{path}:{record['line']}: the same setting and seed {seed} as line {seeds[seed]}, but other "
                    "results. Remove one of them, or give it its own seed."
                )
            seeds[seed] = record["line"]
            run = record["name"] or f"{cell}-s{'x' if seed is None else seed}"
            names[run] = names.get(run, 0) + 1
            record |= {"cell": cell, "seed": seed, "run": run if names[run] == 1 else f"{run}#{names[run]}"}
    if complaints:
        raise InputError(*_shortened(complaints))


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
            {"cell": record["cell"], "label": label(settings, names), "role": "run", "round": "", "note": "",
             "expect": None, "settings": settings, "train": {}},
        )  # fmt: skip
        base = {key: record[key] for key in ("cell", "run", "seed")} | {"fold": None, "round": "", "role": "run"}
        plan_runs.append(base | {"epochs": record["epochs"], "segments": []})
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
    plan = {
        "study": study.model_dump(mode="json"), "smoke": False, "dataset": {"name": study.dataset}, "data": None,
        "axes": axes, "cells": list(cells.values()), "runs": plan_runs, "segments": {}, "notes": notes,
    }  # fmt: skip
    rows = [
        {name: cell.get(name) for name in CELL_FRONT} | level_texts(cell["settings"], axes) for cell in cells.values()
    ]
    return Imported(plan, rows, runs, lost, metrics, notes)


def _lines(lines: list[int]) -> str:
    shown = ", ".join(map(number, lines[:SHOWN]))
    return f"line{'s' * (len(lines) > 1)} {shown}" + (f" and {len(lines) - SHOWN} more" if len(lines) > SHOWN else "")


def _shortened(complaints: list[str], most: int = 30) -> list[str]:
    if len(complaints) <= most:
        return complaints
    return [*complaints[:most], f"... and {len(complaints) - most} more of the kind."]
