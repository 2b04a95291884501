"""From a plan and what training left in the store to tables: cells, runs, epochs, images, missing.

Nothing is parsed out of paths: settings come from the plan, scores from each segment's epochs.csv. A run's curve is
the rows of its segments put together, and its best epoch is looked for in all of it.
"""

import csv
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segsweep.analysis.curves import Curve, as_float, read_curve, write_curves
from segsweep.analysis.measures import MEASURES
from segsweep.errors import InputError
from segsweep.formatting import value_in_words
from segsweep.tables import Column, Table


class Cells(Table):
    """A cell, in the order of the plan."""

    file = "cells.csv"
    rules = ("collect_results", "import_table")
    columns = (
        Column("cell", "text", "Its key."),
        Column("label", "text", "Its settings in words."),
        Column("role", "text", "What it is there for: `grid`, `run`, `trial`, `reference`, `confirm` or `ensemble`."),
        Column("round", "text", "The round of the study that added it.", empty="the study has no rounds"),
        Column("note", "text", "The study's note on it.", empty="it has none"),
        Column("<axes>", "text", "Its level of the hyperparameter.", empty="the hyperparameter does not apply to it"),
    )


class Runs(Table):
    """A run that is trained to its end."""

    file = "runs.csv"
    rules = ("collect_results", "import_table")
    columns = (
        Column("cell", "text", "Key of its cell."),
        Column("run", "text", "Its name."),
        Column("seed", "integer", "Its seed."),
        Column("fold", "integer", "Its fold, from 0.", empty="there is no cross-validation"),
        Column("round", "text", "The round of the study that added its cell.", empty="the study has no rounds"),
        Column("role", "text", "What its cell is there for."),
        Column(
            "status", "text",
            "How it ended: `finished`, `early_stopped`, `pruned`, `diverged`, `oom` or `failed`; see statuses.csv.",
        ),
        Column("best_epoch", "integer", "The first epoch with the best value of the study's metric.",
               empty="no epoch has a finite value"),
        Column("epochs", "integer", "Epochs that it was trained.", empty="a table made elsewhere does not say"),
        Column("<axes>", "text", "Its level of the hyperparameter.", empty="the hyperparameter does not apply to it"),
        Column("<val/*>", "number", "The score at the best epoch, the study's metric first.",
               empty="the run has no such score, or it is not finite"),
        *MEASURES,
        Column("segments", "text", "Ids of its segments, separated by blanks.", empty="it was trained elsewhere"),
    )  # fmt: skip


class Epochs(Table):
    """An epoch of a run."""

    file = "epochs.csv"
    rules = ("collect_results", "import_table")
    columns = (
        Column("run", "text", "Name of the run."),
        Column("cell", "text", "Key of its cell."),
        Column("epoch", "integer", "Counted from 1."),
        Column("lr", "number", "Learning rate at the end of the epoch, of the first group of parameters."),
        Column("<train/*>", "number", "Training loss and its parts, mean over the epoch.", empty="the run has none"),
        Column("<val/*>", "number", "Validation loss and its parts, and all scores of the whole split.",
               empty="the run has no such score, or it is not finite"),
        Column("seconds", "number", "Time of the epoch, validation included.", unit="s"),
        Column("images_per_second", "number", "Training images in a second of training."),
        Column("peak_memory_mb", "number", "Most memory in use up to the epoch.", unit="MB"),
    )  # fmt: skip


class Images(Table):
    """A validation image at a run's best epoch."""

    file = "images.csv"
    rules = ("collect_results", "import_table")
    columns = (
        Column("run", "text", "Name of the run."),
        Column("cell", "text", "Key of its cell."),
        Column("image", "text", "Name of the image."),
        Column("<scores>", "number", "The score of this image alone; named without `val/`.",
               empty="the image has no such score: nothing of the class is in its ground truth or prediction"),
    )  # fmt: skip


class Missing(Table):
    """A planned run that is not trained to its end."""

    file = "missing.csv"
    rules = ("collect_results", "import_table")
    columns = (
        Column("cell", "text", "Key of its cell.", empty="a row of a table made elsewhere that has no setting"),
        Column("run", "text", "Its name."),
        Column("seed", "integer", "Its seed.", empty="a table made elsewhere does not say"),
        Column("fold", "integer", "Its fold, from 0.", empty="there is no cross-validation"),
        Column("role", "text", "What its cell is there for."),
        Column("have", "integer", "Segments that are complete."),
        Column("want", "integer", "Segments that it consists of."),
        Column("detail", "text", "What is missing, in words."),
    )


@dataclass
class Collected:
    """What `collect` read: rows ready to be written."""

    cells: list[dict[str, Any]]
    runs: list[dict[str, Any]]
    missing: list[dict[str, Any]]
    curves: list[tuple[str, str, Curve]]
    images: list[tuple[str, str, Path]]
    axes: list[str]
    scores: list[str]


def collect(plan: dict[str, Any], store: Path, *, partial: bool = False) -> Collected:
    """Read all runs of a plan from the store.

    Args:
        plan: contents of plan.json.
        store: folder with one folder a segment.
        partial: whether runs may be missing; they are listed in `missing`.

    Raises:
        InputError: runs are missing and `partial` is false; or a segment's files are unreadable.
    """
    metric, minimize = plan["study"]["metric"], plan["study"].get("minimize", False)
    axes = plan["axes"]
    cells = list({cell["cell"]: cell for cell in reversed(plan["cells"])}.values())[::-1]
    texts = {cell["cell"]: level_texts(cell["settings"], axes) for cell in cells}
    runs, missing, curves, images, scores = [], [], [], [], {}
    for run in plan["runs"]:
        base = {name: run.get(name) for name in ("cell", "run", "seed", "fold", "round", "role")}
        records = _records(store, run)
        last = records[-1] if records else None
        if last is None or (len(records) < len(run["segments"]) and last["status"] == "finished"):
            missing.append(base | {"have": len(records), "want": len(run["segments"]), "detail": _gap(records, run)})
            continue
        curve = read_curve([store / record["id"] / "epochs.csv" for record in records])
        row = base | texts[run["cell"]] | summarise(curve, records, run, metric, minimize)
        runs.append(row)
        scores |= dict.fromkeys(name for name in curve.header if name.startswith("val/"))
        curve.fields = []  # the lines say the same in a tenth of the memory
        curves.append((run["run"], run["cell"], curve))
        best = _images_of_best(store, records)
        if best is not None:
            images.append((run["run"], run["cell"], best))
    if missing and not partial:
        shown = "; ".join(f"{gap['run']} ({gap['detail']})" for gap in missing[:5])
        raise InputError(
            f"{store}: {len(missing)} of {len(plan['runs'])} runs are not there: {shown}"
            + ("; ..." if len(missing) > 5 else "")
            + ". Train them, or report on what is finished with `partial=true`."
        )
    ordered = [metric] * (metric in scores) + [name for name in scores if name != metric]
    cell_rows = [cell | texts[cell["cell"]] for cell in cells]
    return Collected(cell_rows, runs, missing, curves, images, axes, ordered)


def write(collected: Collected, output: Path) -> None:
    """Write the tables into the folder `output`."""
    output.mkdir(parents=True, exist_ok=True)
    axes = collected.axes
    Cells.write(output, collected.cells, axes=axes)
    Runs.write(output, collected.runs, axes=axes, **{"val/*": collected.scores})
    Missing.write(output, collected.missing)
    names = list(dict.fromkeys(name for _, _, curve in collected.curves for name in curve.header))
    families = {f"{split}/*": [name for name in names if name.startswith(f"{split}/")] for split in ("train", "val")}
    write_curves(output / Epochs.file, Epochs.header(**families), collected.curves)
    _write_images(output / "images.csv", collected.images)


def level_texts(settings: dict[str, Any], axes: Iterable[str]) -> dict[str, str]:
    """The texts of a cell's levels; empty where an axis does not apply to the cell."""
    return {axis: value_in_words(settings[axis]) if axis in settings else "" for axis in axes}


def summarise(
    curve: Curve, records: list[dict[str, Any]], run: dict[str, Any], metric: str, minimize: bool
) -> dict[str, Any]:
    """A run's row of runs.csv, the columns of its cell aside.

    The best epoch is the first one with the best value of the metric. `stability/val_loss_std` is the sample standard
    deviation of val/loss over the last half of the epochs (the later ceil(n / 2)): spikes and a slope that is still
    there both count. `overfit/gap` is val/loss minus train/loss at the best epoch.
    """
    last = records[-1]
    epochs = [int(value) for value in curve.column("epoch")]
    values = curve.column(metric)
    best = index_of_best(values, minimize)
    row: dict[str, Any] = {"status": status_of(records, run), "epochs": epochs[-1] if epochs else 0}
    if best is not None:
        row |= {
            name: curve.fields[best][column]
            for column, name in enumerate(curve.header)
            if name.startswith("val/") and math.isfinite(as_float(curve.fields[best][column]))
        }
        row["best_epoch"] = row["convergence/epochs_to_best"] = epochs[best]
    val, train = curve.column("val/loss"), curve.column("train/loss")
    if val:
        row["stability/val_loss_std"] = sample_std([value for value in val[len(val) // 2 :] if math.isfinite(value)])
    if val and train and best is not None:
        row["overfit/gap"] = val[best] - train[best]
    seconds = sum(record.get("train_seconds") or 0.0 for record in records)
    row |= {
        "cost/train_seconds": seconds,
        "cost/seconds_per_epoch": seconds / len(epochs) if epochs else None,
        "cost/peak_memory_mb": max((record.get("peak_memory_mb") or 0.0 for record in records), default=None) or None,
        "cost/parameters": last.get("parameters"),
        "cost/checkpoint_mb": last.get("checkpoint_mb"),
        "segments": " ".join(record["id"] for record in records),
    }
    return row


def status_of(records: list[dict[str, Any]], run: dict[str, Any]) -> str:
    """Status of a run: its last segment's, or `pruned` if it ended before the epochs that the plan wants."""
    last = records[-1]
    if last["status"] != "finished":
        return last["status"]
    return "pruned" if run.get("pruned") or last["last_epoch"] < (run.get("epochs") or 0) else "finished"


def index_of_best(values: list[float], minimize: bool) -> int | None:
    """Index of the first best finite value, None if there is none."""
    finite = [(value, -index) for index, value in enumerate(values) if math.isfinite(value)]
    if not finite:
        return None
    best = min(value for value, _ in finite) if minimize else max(value for value, _ in finite)
    return next(-index for value, index in finite if value == best)


def sample_std(values: list[float]) -> float | None:
    """Sample standard deviation (n - 1); None of fewer than two values."""
    if len(values) < 2:
        return None
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _records(store: Path, run: dict[str, Any]) -> list[dict[str, Any]]:
    """segment.json of the run's segments from the first one on, up to the first that is missing or ended the run."""
    records = []
    for segment in run["segments"]:
        path = store / segment / "segment.json"
        try:
            record = json.loads(path.read_bytes())
        except FileNotFoundError:
            break
        except ValueError as error:
            raise InputError(
                f"{path}: not valid JSON ({error}). Delete the folder {segment} and train it again."
            ) from error
        records.append(record | {"id": segment})
        if record["status"] != "finished":
            break
    return records


def _gap(records: list[dict[str, Any]], run: dict[str, Any]) -> str:
    if not records:
        return "not trained yet"
    return f"trained to epoch {records[-1]['epochs']} of {run.get('epochs')}"


def _images_of_best(store: Path, records: list[dict[str, Any]]) -> Path | None:
    best = records[-1].get("best") or {}
    named = [best["segment"]] if best.get("segment") else []
    for segment in named + [record["id"] for record in reversed(records)]:
        path = store / segment / "images.csv"
        if path.exists():
            return path
    return None


def _write_images(path: Path, images: list[tuple[str, str, Path]]) -> None:
    headers: dict[tuple[str, ...], None] = {}
    for _, _, source in images:
        with source.open(newline="", encoding="utf-8") as file:
            headers[tuple(next(csv.reader(file)))] = None
    header = list(dict.fromkeys(name for names in headers for name in names)) or ["image"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["run", "cell", *header])
        for run, cell, source in images:
            with source.open(newline="", encoding="utf-8") as part:
                names, *rows = csv.reader(part)
            places = [names.index(name) if name in names else None for name in header]
            writer.writerows([run, cell, *("" if p is None else row[p] for p in places)] for row in rows)
