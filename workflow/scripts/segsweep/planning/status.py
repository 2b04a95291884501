"""How far a study is at this moment: cells and runs done, running, failed, the best so far, the time to go."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segsweep.analysis.last_errors import LastErrors
from segsweep.data.classes import task_and_classes
from segsweep.errors import InputError
from segsweep.io import read_csv
from segsweep.planning.plan_file import PlannedRun, StudyPlan
from segsweep.statuses import USABLE
from segsweep.store.best_epoch import best_of_run
from segsweep.store.epoch_reports import read_reports
from segsweep.store.equal_curves import curve_key, repeated_runs
from segsweep.store.lock import is_held
from segsweep.store.segment_store import SegmentStore


@dataclass(frozen=True)
class Failure:
    """A training that ended with an error.

    Attributes:
        label: of its run, in words.
        reason: the last line of its log that names an error.
        log: where all of it is.
    """

    label: str
    reason: str
    log: Path


@dataclass(frozen=True)
class Status:
    """Where a study stands.

    `running` are those that a living process trains; `interrupted` were begun, and go on where they stopped. `best` is
    (score, label of the run), `seconds_to_go` None while nothing is known, `repeated` how many runs have the curve of
    another seed or fold of their cell.
    """

    cells: int
    cells_done: int
    runs: int
    runs_done: int
    epochs: int
    epochs_done: int
    running: list[str]
    interrupted: list[str]
    failed: list[Failure]
    ended: dict[str, int]
    best: list[tuple[float, str]]
    seconds_to_go: float | None
    repeated: int = 0


def status_of(plan: StudyPlan, store: SegmentStore, logs: Path) -> Status:
    """Read the status of a study from its plan and the store.

    Args:
        plan: of the study.
        store: the store of segments.
        logs: folder with the logs of trainings, `<segment>.<start>.log`.
    """
    segments = plan.segments
    there = [one for one in segments.values() if one.id in store.complete]
    store.leave_out(one.id for one in there if not store.stands(one.id, one.train["on_oom"], one.selections))
    done = [run for run in plan.runs if run.segments[-1] in store.complete]
    open_cells = {run.cell for run in plan.runs if run.segments[-1] not in store.complete}
    cells = {run.cell for run in plan.runs}
    errors = LastErrors(logs)
    running: list[str] = []
    interrupted: list[str] = []
    failed: list[Failure] = []
    partly = 0
    begun = (store.started | errors.logs.keys()) & set(segments) - set(store.complete)
    for segment in sorted(begun):
        label, is_started = segments[segment].label, segment in store.started
        is_running = is_held(store.lock(segment))
        if is_started:
            part = store.part(segment)
            epoch = max(_saved_epoch(part), _reported_epoch(part) if is_running else 0)
            partly += max(0, epoch - segments[segment].first_epoch + 1)
        if is_running:
            running.append(label)
        elif reason := errors.of(segment):
            failed.append(Failure(label, reason, logs / errors.logs[segment]))
        elif is_started:
            interrupted.append(label)
    complete = [one for one in segments.values() if one.id in store.complete]
    seconds = sum(store.record(one.id).train_seconds or 0.0 for one in complete)
    total, epochs_done = (sum(one.epochs for one in ones) for ones in (segments.values(), complete))
    ended: dict[str, int] = {}
    scores = []
    alike: dict[tuple[str, int, float], list[PlannedRun]] = {}  # runs of a cell with the same best epoch and score
    for run in done:
        record = store.record(run.segments[-1])
        ended[record.status] = ended.get(record.status, 0) + 1
        best = _best(run, plan, store)
        if best and best["value"] is not None:
            scores.append((best["value"], record.label))
            if record.status in USABLE:
                alike.setdefault((run.cell, best["epoch"], best["value"]), []).append(run)
    repeated = [_repeated(runs, store) for runs in alike.values() if len(runs) > 1]
    sign = 1 if plan.minimize else -1
    left = total - epochs_done - partly
    return Status(
        len(cells), len(cells - open_cells), len(plan.runs), len(done), total, epochs_done + partly,
        running, interrupted, failed, ended, sorted(scores, key=lambda pair: sign * pair[0]),
        seconds / epochs_done * left / max(1, len(running)) if epochs_done else None,
        sum(repeated),
    )  # fmt: skip


def _best(run: PlannedRun, plan: StudyPlan, store: SegmentStore) -> dict[str, Any] | None:
    """Where a run is best, as its record says; of a program's own metrics, as the study reads them now."""
    if results := plan.program_results:
        return best_of_run(store, run.segments, plan.metric, plan.minimize, *task_and_classes(None), results)
    return store.record(run.segments[-1]).best_by(plan.metric, plan.minimize)


def _repeated(runs: list[PlannedRun], store: SegmentStore) -> int:
    """How many of some runs of a cell have the curve of an earlier one of them."""
    curves = []
    for run in runs:
        rows = [row for record in store.records_of(run.segments) for row in store.read_rows(record.id)]
        curves.append((run.cell, run.run, curve_key(list(rows[0]), [list(row.values()) for row in rows])))
    return len(repeated_runs(curves))


def _reported_epoch(folder: Path) -> int:
    """The last epoch that a training has finished, saved or not; 0 where it has finished none."""
    try:
        reports = read_reports(folder)
    except OSError:
        return 0
    return int(reports[-1]["epoch"]) if reports else 0


def _saved_epoch(folder: Path) -> int:
    """The last epoch that an unfinished training has saved; 0 where what it wrote is damaged: it begins again."""
    path = folder / "epochs.csv"
    try:
        rows = read_csv(path) if path.is_file() else []
        return int(rows[-1]["epoch"]) if rows else 0
    except (InputError, LookupError, ValueError):
        return 0
