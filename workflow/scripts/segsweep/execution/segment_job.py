"""The job around a segment: find it in the plan, see what is there, train, write down, publish."""

import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from segsweep import metrics, registry
from segsweep.config.program import ProgramResults
from segsweep.data.classes import task_and_classes
from segsweep.errors import InputError
from segsweep.execution.provenance import host, versions
from segsweep.exits import DONE, INTERRUPTED
from segsweep.io import read_json_or_none, remove_temporaries, write_json
from segsweep.planning.budget_ledger import JobsBudget, LeftOut
from segsweep.planning.plan_file import LAST_EPOCH, SegmentPlan, read_segment
from segsweep.store.best_epoch import best_of_run, selections_of
from segsweep.store.epoch_reports import REPORTS, add_report
from segsweep.store.lock import Lock, Stopped
from segsweep.store.segment_record import SegmentRecord, selection_key
from segsweep.store.segment_store import STATE, SegmentStore

# What a segment whose parent ended early takes over from it.
OF_PARENT = (
    "status", "detail", "epochs", "best", "parameters", "checkpoint_mb", "effective_batch", "micro_batch", "precision",
)  # fmt: skip


def run_job(
    plan: Path,
    segment: str,
    store: Path,
    *,
    device: str = "auto",
    threads: int = 1,
    should_stop: Callable[[], bool] = lambda: False,
    environ: Mapping[str, str] = os.environ,
    say: Callable[[str], None] = print,
    trainer: ModuleType | None = None,
) -> int:
    """Make sure that a segment is complete in the store.

    Args:
        plan: plan.json of the study.
        segment: id of the segment.
        store: folder of all segments.
        device: "auto" takes a GPU where there is one.
        should_stop: asked at each batch; True has the training save its state, to be resumed.
        environ: where the batch system's names for the job are found.
        trainer: trains the segment, see `segsweep.trainers`; the one that the plan names if not given.

    Returns:
        0 when the segment is complete, or left out because of the study's budget; 75 when it was interrupted and is to
        be resumed.

    Raises:
        InputError: the plan does not know the segment, its parent is missing or damaged, or the data are.
    """
    job, store = read_segment(plan, segment), SegmentStore(store)
    metrics.use_own(job.metrics)
    if is_done(store, job):
        say(f"{job.label}: {segment} is complete in {store.root}, nothing to do")
        return DONE
    # What was complete before trains again, for its weights or its state: a report needs it, whatever the budget.
    budget = None if store.has(segment) else JobsBudget.of(plan.parent, store)
    left_out = partial(_leave_out, budget, job, say)
    if budget and job.parent and not store.has(job.parent) and (found := budget.why_left_out(job.parent)):
        return left_out(replace(found, why=f"{found.why}; it continues one that is left out"))
    parent = _parent(job, store)
    store.root.mkdir(parents=True, exist_ok=True)
    stops = partial(_stops, should_stop, budget)
    try:
        with Lock(store.lock(segment), say=say, should_stop=stops) as lock:
            store = SegmentStore(store.root)  # as it is now
            if is_done(store, job):  # by the one that was waited for
                return DONE
            ended_early = parent is not None and parent.status != "finished"
            if budget and not ended_early and (found := budget.refusal(job, lock.since)):
                return left_out(found)
            trainer = trainer or registry.load(registry.classes("trainer")[job.trainer])
            machine = host(threads, environ) | trainer.describe_device(device)
            part = store.part(segment)
            part.mkdir(exist_ok=True)
            remove_temporaries(part)
            say(_title(job, part, machine))
            starts = Starts(part, machine["device"])
            if ended_early:
                outcome = {name: getattr(parent, name) for name in OF_PARENT} | {"train_seconds": 0.0}
                outcome["best"] = parent.best | _best_of_chain(job, store)
            else:
                outcome = trainer.train(
                    job,
                    store,
                    device=machine["device"],
                    threads=threads,
                    selections=_selections(job, store),
                    should_stop=partial(_should_stop, stops, lock),
                    report=lambda row, best: (add_report(part, row), say(progress_line(job, row, best))),
                    note=lambda text: (starts.note(text), say(text)),
                )
            if outcome["status"] == "interrupted":
                starts.note(outcome["detail"])
                say(f"{job.label}: {outcome['detail']}")
                return left_out(budget.stopped(outcome["detail"])) if _ended(budget, should_stop) else INTERRUPTED
            if not job.can_be_extended or outcome["status"] != "finished":
                # The optimizer's state is most of a segment's bytes, and nothing resumes from here.
                (part / STATE).unlink(missing_ok=True)
            (part / REPORTS).unlink(missing_ok=True)
            planned = job.to_json() | outcome | {"versions": versions(), "host": machine, "history": starts.all}
            store.publish(SegmentRecord.from_json(planned))
            ending = f"{outcome['status']} after epoch {outcome['epochs']}. {outcome['detail']}"
            say(f"{job.label}: {ending.rstrip(' .')}")
            return DONE
    except Stopped:
        return left_out(budget.stopped("another job trained it")) if _ended(budget, should_stop) else INTERRUPTED


def _stops(asked: Callable[[], bool], budget: JobsBudget | None) -> bool:
    """Whether a training is to stop: it was asked to, or the time of the study's budget is over."""
    return asked() or (budget is not None and budget.over())


def _ended(budget: JobsBudget | None, asked: Callable[[], bool]) -> bool:
    """Whether it is the budget that stopped a training, and nobody asked for it."""
    return budget is not None and budget.over() and not asked()


def _leave_out(budget: JobsBudget, job: SegmentPlan, say: Callable[[str], None], found: LeftOut) -> int:
    """Write down that a segment is left out: nothing of it is recorded in the store, and the study goes on."""
    budget.leave_out(job.id, found)
    say(f"{job.label}: left out because of the study's budget: {found.why}")
    return DONE


def _should_stop(asked: Callable[[], bool], lock: Lock) -> bool:
    """Whether a training is to stop, and to save its state.

    Raises:
        Stopped: another job trains the segment now, and what lies in its folder is that one's.
    """
    if lock.lost:
        raise Stopped
    return asked()


def is_done(store: SegmentStore, job: SegmentPlan) -> bool:
    """Whether a segment was published, with all that is to be kept, and there is nothing to train again."""
    stands = store.stands(job.id, job.train["on_oom"], job.selections)
    if not stands or (job.program is None and store.lacks_weights(job.id, job.metric, job.minimize)):
        return False
    return not job.can_be_extended or store.can_be_continued(job.id)


def progress_line(job: SegmentPlan, row: dict[str, Any], best: dict[str, Any] | None) -> str:
    """An epoch in one line for the log."""
    shown = [f"epoch {row['epoch']}/{job.total_epochs}"]
    shown += [f"lr {row['lr']:.3g}"] if "lr" in row else []
    by_score = (job.metric, job.minimize) != LAST_EPOCH  # else it is trained on the validation images
    names = dict.fromkeys(["train/loss", "val/loss", job.metric] if by_score else ["train/loss"])
    shown += [f"{name} {row[name]:.4f}" for name in names if name in row]
    if best and by_score:
        shown.append(f"best {best['value']:.4f} at {best['epoch']}")
    shown += [f"{row['seconds']:.1f} s"] if "seconds" in row else []
    return "  ".join(shown)


class Starts:
    """When and where a segment was started, and what happened then: history.json in its unfinished folder."""

    def __init__(self, part: Path, device: str):
        self.file = part / "history.json"
        kept = read_json_or_none(self.file)  # what is damaged told of earlier starts, and of nothing else
        self.all: list[dict[str, Any]] = kept if isinstance(kept, list) and all(map(_is_start, kept)) else []
        started = round(time.time(), 1)
        self.all.append({"host": socket.gethostname(), "pid": os.getpid(), "device": device, "started": started})
        write_json(self.file, self.all)

    def note(self, text: str) -> None:
        """Add something that happened."""
        self.all[-1].setdefault("notes", []).append(text)
        write_json(self.file, self.all)


def _is_start(kept: Any) -> bool:
    return isinstance(kept, dict) and isinstance(kept.get("notes", []), list)


def _title(job: SegmentPlan, part: Path, machine: Mapping[str, Any]) -> str:
    device = f"{machine['device']} with MPS" if machine.get("mps") else machine["device"]
    resumed = ", resumed" if (part / STATE).exists() else ""
    return f"{job.label}, epochs {job.first_epoch}-{job.last_epoch} on {device}{resumed}: {job.id}"


def _parent(job: SegmentPlan, store: SegmentStore) -> SegmentRecord | None:
    """The record of the parent; None for the first segment of a run."""
    if not job.parent:
        return None
    folder = store.folder(job.parent)
    if not store.has(job.parent):
        raise InputError(f"{folder}: the segment {job.id} continues it, but it is not complete; train it first")
    record = store.record(job.parent)
    state = store.program_files(job.parent) if job.program else store.state(job.parent)
    if record.status == "finished" and not state.exists():
        raise InputError(f"{state} is missing: nothing can continue it. Start `snakemake` again: it trains again, too")
    for path in state.rglob("*") if job.program else store.state_files(job.parent):
        if not path.is_dir():
            store.checked(path)
    return record


def _best_of_chain(job: SegmentPlan, store: SegmentStore) -> dict[str, Any]:
    """The best epochs of the segments that it continues, by all selections of its plan."""
    chain: list[str] = []
    parent = job.parent
    while parent:
        chain.insert(0, parent)
        parent = store.record(parent).parent
    results = ProgramResults.model_validate(job.program["results"]) if job.program else None
    task, classes = task_and_classes(job.dataset)
    wanted = selections_of([selection_key(job.metric, job.minimize), *job.selections])
    return {key: best_of_run(store, chain, *wanted[key], task, classes, results) for key in wanted}


def _selections(job: SegmentPlan, store: SegmentStore) -> list[str]:
    """What its best epochs are kept by besides: what the plan asks for, and what the segment that it replaces kept.

    What that one kept by a metric that is no longer there is not kept. A program chooses for itself what it keeps.
    """
    if job.program:
        return []
    replaced = store.record_or_none(job.id)
    kept = selections_of(replaced.best if replaced else ())
    task, classes = task_and_classes(job.dataset)
    known = [key for key, (column, _) in kept.items() if not metrics.check([(key, column)], task, classes)]
    return [*job.selections, *known]
