"""From a plan and what training left in the store to tables: cells, runs, epochs, images, missing.

Nothing is parsed out of paths: settings come from the plan, losses from each segment's epochs.csv, and scores are
computed from what each segment counted. A run's curve is the rows of its segments put together, and its best epoch is
looked for in all of it.
"""

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segsweep import metrics
from segsweep.analysis.columns import (
    CELL_FRONT,
    COSTS,
    DERIVED,
    MISSING,
    RUN_FRONT,
    level_texts,
    write_rows,
)
from segsweep.analysis.curves import Curve, as_float, read_curve, write_curves
from segsweep.analysis.epoch_scores import SegmentCounts, add_scores
from segsweep.data.classes import class_names
from segsweep.errors import InputError
from segsweep.store.segment_store import SegmentStore, read_arrays

RUNS_AT_ONCE, BYTES_AT_ONCE = 64, 2**26
OF_RUN = ("cell", "run", "seed", "fold", "round", "role")


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
    task: str
    classes: list[str]


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
    task, classes = plan["dataset"]["task"], class_names(plan["dataset"])
    axes = plan["axes"]
    cells = list({cell["cell"]: cell for cell in reversed(plan["cells"])}.values())[::-1]
    texts = {cell["cell"]: level_texts(cell["settings"], axes) for cell in cells}
    runs, missing, curves, images, scores = [], [], [], [], {}
    there: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    for run in plan["runs"]:
        records = _records(store, run)
        last = records[-1] if records else None
        if last is None or (len(records) < len(run["segments"]) and last["status"] == "finished"):
            base = {name: run.get(name) for name in OF_RUN}
            missing.append(base | {"have": len(records), "want": len(run["segments"]), "detail": _gap(records, run)})
        else:
            there.append((run, records))
    for some in _in_portions(there, store):
        add_scores([curve for _, _, curve, _ in some], [counts for *_, counts in some], task, classes)
        for run, records, curve, _ in some:
            row = {name: run.get(name) for name in OF_RUN} | texts[run["cell"]]
            row |= summarise(curve, records, run, metric, minimize)
            runs.append(row)
            scores |= dict.fromkeys(name for name in curve.header if name.startswith("val/"))
            curve.fields = []  # the lines say the same in a tenth of the memory
            curves.append((run["run"], run["cell"], curve))
            best = _images_of_best(store, records, row.get("best_epoch"))
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
    cell_rows = [{name: cell.get(name) for name in CELL_FRONT} | texts[cell["cell"]] for cell in cells]
    return Collected(cell_rows, runs, missing, curves, images, axes, ordered, task, classes)


def write(collected: Collected, output: Path) -> None:
    """Write the tables into the folder `output`."""
    output.mkdir(parents=True, exist_ok=True)
    axes = collected.axes
    write_rows(output / "cells.csv", [*CELL_FRONT, *axes], collected.cells)
    write_rows(
        output / "runs.csv", [*RUN_FRONT, *axes, *collected.scores, *DERIVED, *COSTS, "segments"], collected.runs
    )
    write_rows(output / "missing.csv", MISSING, collected.missing)
    write_curves(output / "epochs.csv", collected.curves)
    _write_images(output / "images.csv", collected)


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
    place = best_place(values, minimize)
    row: dict[str, Any] = {"status": status_of(records, run), "epochs": epochs[-1] if epochs else 0}
    if place is not None:
        row |= {
            name: curve.fields[place][column]
            for column, name in enumerate(curve.header)
            if name.startswith("val/") and math.isfinite(as_float(curve.fields[place][column]))
        }
        row["best_epoch"] = row["convergence/epochs_to_best"] = epochs[place]
    val, train = curve.column("val/loss"), curve.column("train/loss")
    if val:
        row["stability/val_loss_std"] = deviation([value for value in val[len(val) // 2 :] if math.isfinite(value)])
    if val and train and place is not None:
        row["overfit/gap"] = val[place] - train[place]
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


def best_place(values: list[float], minimize: bool) -> int | None:
    """Index of the first best finite value, None if there is none."""
    finite = [(value, -index) for index, value in enumerate(values) if math.isfinite(value)]
    if not finite:
        return None
    best = min(value for value, _ in finite) if minimize else max(value for value, _ in finite)
    return next(-index for value, index in finite if value == best)


def deviation(values: list[float]) -> float | None:
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


def _in_portions(
    runs: list[tuple[dict[str, Any], list[dict[str, Any]]]], store: Path
) -> Iterator[list[tuple[dict[str, Any], list[dict[str, Any]], Curve, list[SegmentCounts]]]]:
    """Runs with their curves and counts, as many at a time as make it fast and still fit into memory."""
    portion, size = [], 0
    for run, records in runs:
        curve = read_curve([store / record["id"] / "epochs.csv" for record in records])
        counts = [_counts(store / record["id"] / "counts.npz") for record in records]
        portion.append((run, records, curve, counts))
        size += sum(values.nbytes for one in counts for values in one.values())
        if len(portion) == RUNS_AT_ONCE or size > BYTES_AT_ONCE:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _counts(path: Path) -> SegmentCounts:
    return read_arrays(path) if path.is_file() else {}


def _images_of_best(store: Path, records: list[dict[str, Any]], epoch: int | None) -> Path | None:
    """The counts of each image at a run's best epoch, where its segment kept them."""
    for record in records:
        if epoch is not None and record["first_epoch"] <= epoch <= record["last_epoch"]:
            path = SegmentStore(store).image_counts(record["id"], epoch)
            return path if path.exists() else None
    return None


def _write_images(path: Path, collected: Collected) -> None:
    header = ["image"]
    rows = []
    for run, cell, source in collected.images:
        of_run = metrics.image_rows(read_arrays(source), collected.task, collected.classes)
        header = header if not of_run or list(of_run[0]) == header else list(dict.fromkeys([*header, *of_run[0]]))
        rows += [{"run": run, "cell": cell} | row for row in of_run]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["run", "cell", *header], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
