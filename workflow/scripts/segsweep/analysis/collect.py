"""From a plan and what training left in the store to tables: cells, runs, epochs, images, missing.

Nothing is parsed out of paths: settings come from the plan, losses from each segment's epochs.csv, and scores are
computed from what each segment counted, so that a metric that is added later has its column for all that was trained
before. A program of the user's own writes its scores itself; its columns are called here as the study calls them. A
run's curve is the rows of its segments put together, and its best epoch is looked for in all of it.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from segsweep import metrics
from segsweep.analysis.budget_tables import BudgetCells, BudgetUse
from segsweep.analysis.confusions import Confusions, confusion_rows
from segsweep.analysis.curve_numbers import index_of_best, sample_std
from segsweep.analysis.curves import Curve, joined, read_curve, write_curves
from segsweep.analysis.last_errors import LOGS, LastErrors
from segsweep.analysis.measures import MODEL_COSTS
from segsweep.analysis.program_curves import check_columns, named_curve
from segsweep.analysis.run_tables import Cells, Epochs, Images, Missing, Models, Runs, level_texts
from segsweep.data.classes import task_and_classes
from segsweep.errors import InputError
from segsweep.planning.budget_ledger import LeftOut, left_out_of
from segsweep.planning.plan_file import RETRAIN, PlannedRun, StudyPlan
from segsweep.search.objectives import curve_objectives
from segsweep.statuses import USABLE
from segsweep.store.equal_curves import curve_key, repeated_runs
from segsweep.store.model_costs import read_costs
from segsweep.store.run_costs import run_costs
from segsweep.store.segment_record import SegmentRecord
from segsweep.store.segment_store import REPAIR, SegmentStore, read_arrays
from segsweep.store.value_ranges import bounds, check_column, check_counts, check_epochs

RUNS_AT_ONCE, BYTES_AT_ONCE = 64, 2**26

SegmentCounts = dict[str, np.ndarray]  # with a leading axis of the segment's epochs; empty where nothing was counted


@dataclass
class TrainedRun:
    """A run that is trained to its end, and what its segments left.

    counts: of each segment in order; drop them when the curve has its scores, for their size.
    header: columns of the segments' epochs.csv, by their own names.
    key: that runs with an equal curve share; see `equal_curves`.
    """

    run: PlannedRun
    records: list[SegmentRecord]
    curve: Curve
    counts: list[SegmentCounts]
    header: list[str] = field(default_factory=list)
    key: int | None = None


@dataclass
class Collected:
    """What `collect` read: rows ready to be written.

    curves: name of the run, key of its cell, its epochs.
    images: name of the run, key of its cell, file with the counts of each image at its best epoch.
    scores: columns `val/*` of runs.csv, the study's metric first.
    confusions: rows of confusions.csv.
    model_costs: columns of costs of models, where the study names any; models: rows of models.csv.
    budget, budget_cells: rows of budget.csv and budget_cells.csv.
    """

    plan: StudyPlan
    cells: list[dict[str, Any]]
    runs: list[dict[str, Any]]
    missing: list[dict[str, Any]]
    curves: list[tuple[str, str, Curve]]
    images: list[tuple[str, str, Path]]
    scores: list[str]
    confusions: list[dict[str, Any]]
    model_costs: list[str] = field(default_factory=list)
    models: list[dict[str, Any]] = field(default_factory=list)
    budget: list[dict[str, Any]] = field(default_factory=list)
    budget_cells: list[dict[str, Any]] = field(default_factory=list)


def collect(
    plan: StudyPlan, store: SegmentStore, *, partial: bool = False, left_out: Mapping[str, LeftOut] | None = None
) -> Collected:
    """Read all runs of a plan from the store.

    Args:
        plan: the study as it was planned.
        store: the trained segments.
        partial: whether runs may be missing; they are listed in `missing`.
        left_out: segments that may be missing besides: the study's budget has left them out.

    Raises:
        InputError: runs are missing and `partial` is false; or a segment's files are unreadable.
    """
    texts = {cell.cell: level_texts(cell.settings, plan.axes) for cell in plan.cells}
    found = Collected(plan, [cell.to_json() | texts[cell.cell] for cell in plan.cells], [], [], [], [], [], [])
    models = {cell.cell: read_costs(plan, store, cell.cell) for cell in plan.cells} if plan.model_costs else {}
    found.model_costs = [column.name for column in MODEL_COSTS] if models else []
    found.cells = [
        row | {name: models.get(row["cell"], {}).get(name) for name in found.model_costs} for row in found.cells
    ]
    found.models = [
        {"model": address, "cells": list(plan.model_costs.values()).count(address)} | models[cell]
        for address, cell in {address: cell for cell, address in plan.model_costs.items()}.items()
        if models[cell]
    ]
    there, found.missing = _there_and_missing(plan, store, left_out or {})
    lost = [gap for gap in found.missing if not gap["left_out"]]
    if lost and not partial:
        shown = "; ".join(f"{gap['run']} ({gap['detail']})" for gap in lost[:5])
        raise InputError(
            f"{store.root}: {len(lost)} of {len(plan.runs)} runs are not there: {shown}"
            + ("; ..." if len(lost) > 5 else "")
            + ". Train them, or report on what is finished with `partial=true`."
        )
    task, classes = task_and_classes(plan.dataset)
    scores: dict[str, None] = {}
    keys: list[tuple[str, str, int | None]] = []
    for portion in _in_portions(there, store, plan):
        add_scores(portion, task, classes)
        for one in portion:
            run = one.run
            # The level last: a study may vary `epochs`, and runs that stopped early are runs of its level all the same.
            row = (
                run.to_json()
                | summarise(one.curve, one.records, run, plan.metric, plan.minimize, curve_objectives(plan))
                | texts[run.cell]
            )
            if by_budget := left_out_of(run, left_out or {}):
                row["detail"] = f"ended by the study's budget: {by_budget.why}"
            found.runs.append(row | {name: models.get(run.cell, {}).get(name) for name in found.model_costs})
            keys.append((run.cell, run.run, one.key if row["status"] in USABLE else None))
            scores |= dict.fromkeys(name for name in one.curve.header if name.startswith("val/"))
            one.curve.fields = []  # the lines say the same in a tenth of the memory
            found.curves.append((run.run, run.cell, one.curve))
            if (images := _images_of_best(store, one.records, row.get("best_epoch"))) is not None:
                found.images.append((run.run, run.cell, images))
            header = one.header
    if there and (results := plan.program_results):
        named = {name for _, _, curve in found.curves for name in curve.header}
        check_columns(results, named, header, store.folder(there[-1][1][-1].id))
    repeated = repeated_runs(keys)
    for row in found.runs:
        row["same_as"] = repeated.get(row["run"], "")
    # Also where all runs diverged and have no score.
    found.scores = list(dict.fromkeys([plan.metric, *curve_objectives(plan), *scores]))
    found.confusions = confusion_rows(plan, found.runs, store, classes)
    return found


def write(collected: Collected, folder: Path) -> None:
    """Write the tables into a folder."""
    axes = collected.plan.axes
    Cells.write(folder, collected.cells, axes=axes, model_costs=collected.model_costs)
    more = {"val/*": collected.scores, "model_costs": collected.model_costs}
    Runs.write(folder, collected.runs, axes=axes, **more)
    Models.write(folder, collected.models)
    Missing.write(folder, collected.missing)
    BudgetUse.write(folder, collected.budget)
    BudgetCells.write(folder, collected.budget_cells)
    Confusions.write(folder, collected.confusions)
    names = list(dict.fromkeys(name for _, _, curve in collected.curves for name in curve.header))
    families = {f"{split}/*": [name for name in names if name.startswith(f"{split}/")] for split in ("train", "val")}
    write_curves(folder / Epochs.file, Epochs.header(**families), collected.curves)
    task, classes = task_and_classes(collected.plan.dataset)
    rows = []
    for run, cell, path in collected.images:
        counts = read_arrays(path)
        check_counts(path, counts, REPAIR)
        for scored in metrics.image_rows(counts, task, classes):
            rows.append({"run": run, "cell": cell} | {name: _all_digits(value) for name, value in scored.items()})
    scores = dict.fromkeys(name for row in rows for name in row if name not in ("run", "cell", "image"))
    Images.write(folder, rows, scores=scores)


def read_trained(plan: StudyPlan, run: PlannedRun, records: list[SegmentRecord], store: SegmentStore) -> TrainedRun:
    """A run with what its segments left.

    Args:
        plan: of its study.
        run: the run.
        records: of its complete segments, in order.
        store: of all segments.

    Raises:
        InputError: a segment's files are unreadable.
    """
    curve = joined([_curve_of(record, store) for record in records])
    header, key = curve.header, curve_key(curve.header, curve.fields)
    if (results := plan.program_results) is not None:
        curve = named_curve(curve, store.folder(records[-1].id), results, plan.metric)
    else:
        _check_values(curve, records, store)
    if run.role == RETRAIN:  # it was trained on the images of validation
        curve.drop_columns("val/")
        return TrainedRun(run, records, curve, [], header, key)
    return TrainedRun(run, records, curve, [_counts(store, record.id) for record in records], header, key)


def _curve_of(record: SegmentRecord, store: SegmentStore) -> Curve:
    """The rows of a segment. Raises: InputError if they are unreadable, or not those of its epochs."""
    path = store.rows(record.id)
    if not record.trained_epochs and not path.is_file():  # it ended before it began its first epoch
        return Curve(["epoch"])
    curve = read_curve(store.checked(path))
    if "epoch" not in curve.header:
        raise InputError(f"{path}: has no column `epoch`. {REPAIR}")
    index = curve.header.index("epoch")
    epochs, own_loop = [row[index] for row in curve.fields], record.program is None
    check_epochs(path, epochs, record.first_epoch, record.epochs, REPAIR, own_loop=own_loop)
    return curve


def _check_values(curve: Curve, records: list[SegmentRecord], store: SegmentStore) -> None:
    """Raises: InputError if segsweep's own loop cannot have written a value."""
    epochs = curve.column("epoch")
    for name in curve.header:
        values = curve.column(name) if bounds(name) else []
        for record in records if values else ():
            own = [i for i, epoch in enumerate(epochs) if record.first_epoch <= epoch <= record.last_epoch]
            numbers = ([f"{epochs[i]:g}" for i in own], [values[i] for i in own])
            check_column(store.rows(record.id), name, *numbers, REPAIR)


def add_scores(runs: Sequence[TrainedRun], task: str, classes: Sequence[str]) -> None:
    """Add the columns `val/<metric>` to the curves of runs, computed for all of them at once, and drop their counts.

    A column that a curve has already stays as it is.

    Args:
        runs: for each, the segments that counted add up to its epochs or to none.
        task: of the data set.
        classes: all of the data set.
    """
    parts = [part for one in runs for part in one.counts if _epochs_in(part)]
    if not parts:
        return
    together = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    scores = {f"val/{name}": values for name, values in metrics.score(together, task, classes).items()}
    start = 0
    for one in runs:
        count = sum(map(_epochs_in, one.counts))
        if count:
            own = {name: values[start : start + count] for name, values in scores.items()}
            new = {name: values for name, values in own.items() if name not in one.curve.header}
            one.curve.add_columns({name: list(map(_written, values.tolist())) for name, values in new.items()})
        start += count
        one.counts = []


def summarise(
    curve: Curve,
    records: list[SegmentRecord],
    run: PlannedRun,
    metric: str,
    minimize: bool,
    more: Iterable[str] = (),
) -> dict[str, Any]:
    """A run's row of runs.csv, the columns of its cell aside.

    `more` are columns of its curve that it has besides the metric and `val/*`.
    """
    epochs = [int(value) for value in curve.column("epoch")]
    best = index_of_best(curve.column(metric), minimize)
    row: dict[str, Any] = {"status": status_of(records, run), "epochs": epochs[-1] if epochs else 0}
    if best is not None:
        row |= curve.finite_fields(best, "val/")
        for name in (metric, *more):  # which may be losses of training
            row[name] = curve.fields[best][curve.header.index(name)]
        row["best_epoch"] = row["convergence/epochs_to_best"] = epochs[best]
    val, train = curve.column("val/loss"), curve.column("train/loss")
    if val:
        row["stability/val_loss_std"] = sample_std([value for value in val[len(val) // 2 :] if math.isfinite(value)])
    if val and train and best is not None:
        row["overfit/gap"] = val[best] - train[best]
    return row | {
        **run_costs(records, len(epochs)),
        "segments": " ".join(record.id for record in records),
        "detail": " ".join(records[-1].detail.split()) if row["status"] not in ("finished", "pruned") else "",
    }


def status_of(records: list[SegmentRecord], run: PlannedRun) -> str:
    """Status of a run: its last segment's, or `pruned` if it ended before the epochs that the plan wants."""
    last = records[-1]
    if last.status != "finished":
        return last.status
    return "pruned" if run.pruned or last.last_epoch < (run.epochs or 0) else "finished"


def _all_digits(value: Any) -> Any:
    return _written(value) if isinstance(value, float) else value


def _written(value: float) -> str:
    """With all digits; empty where it is not finite."""
    return repr(value) if math.isfinite(value) else ""


def _there_and_missing(
    plan: StudyPlan, store: SegmentStore, left_out: Mapping[str, LeftOut]
) -> tuple[list[tuple[PlannedRun, list[SegmentRecord]]], list[dict[str, Any]]]:
    """The runs that are trained to their end with their records, and rows of missing.csv for the others.

    A trial that the study's budget ended is there as far as it was trained: its status is `pruned`.
    """
    there, missing = [], []
    errors = LastErrors(store.root.parent / LOGS)
    for run in plan.runs:
        records = store.records_of(run.segments)
        if not records or (len(records) < len(run.segments) and records[-1].status == "finished"):
            by_budget = left_out_of(run, left_out)
            if by_budget and run.role == "trial" and records:
                there.append((run, records))
                continue
            why = "" if by_budget else errors.of(run.segments[len(records)])
            detail = _gap(run, records) + (f"; its last start ended with {why}" if why else "")
            if by_budget:
                detail = f"{f'{detail}; ' if records else ''}left out by the budget: {by_budget.why}"
            have = {"have": len(records), "want": len(run.segments), "detail": detail}
            missing.append(run.to_json() | have | {"left_out": by_budget.kind if by_budget else ""})
        else:
            there.append((run, records))
    return there, missing


def _gap(run: PlannedRun, records: list[SegmentRecord]) -> str:
    return f"trained to epoch {records[-1].epochs} of {run.epochs}" if records else "not trained yet"


def _in_portions(
    runs: list[tuple[PlannedRun, list[SegmentRecord]]], store: SegmentStore, plan: StudyPlan
) -> Iterator[list[TrainedRun]]:
    """Runs with their curves and counts, as many at a time as make it fast and still fit into memory."""
    portion, size = [], 0
    for run, records in runs:
        trained = read_trained(plan, run, records, store)
        portion.append(trained)
        size += sum(values.nbytes for one in trained.counts for values in one.values())
        if len(portion) == RUNS_AT_ONCE or size > BYTES_AT_ONCE:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _counts(store: SegmentStore, segment: str) -> SegmentCounts:
    return store.read_counts(segment) if store.counts(segment).is_file() else {}


def _epochs_in(counts: SegmentCounts) -> int:
    return len(next(iter(counts.values()))) if counts else 0


def _images_of_best(store: SegmentStore, records: list[SegmentRecord], epoch: int | None) -> Path | None:
    """The counts of each image at a run's best epoch, where its segment kept them."""
    for record in records:
        if epoch is not None and record.first_epoch <= epoch <= record.last_epoch:
            path = store.image_counts(record.id, epoch)
            return store.checked(path) if path.exists() else None
    return None
