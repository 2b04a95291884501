"""The job around a segment: find it in the plan, see what is there, train, write down, publish."""

import os
import shutil
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from segsweep import registry
from segsweep.errors import InputError
from segsweep.execution.provenance import host, versions
from segsweep.exits import DONE, INTERRUPTED
from segsweep.io import read_json
from segsweep.store.checkpoints import flush_all, flush_path, remove_temporaries, write_json
from segsweep.store.lock import Lock, Stopped
from segsweep.store.lookup import SegmentPlan, find, is_complete
from segsweep.store.segment_store import stands

FROM_PLAN = (
    "id",
    "label",
    "first_epoch",
    "last_epoch",
    "parent",
    "metric",
    "minimize",
    "seed",
    "fold",
    "train",
    "dataset",
    "data",
    "trainer",
    "data_fingerprint",
    "code_fingerprint",
)
OF_PARENT = ("status", "detail", "epochs", "best", "parameters", "checkpoint_mb", "effective_batch", "micro_batch")


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
        should_stop: asked at each batch; True leaves the last finished epoch on the disk.
        environ: where the batch system's names for the job are found.
        trainer: trains the segment, see `segsweep.trainers`; the one that the plan names if not given.

    Returns:
        0 when the segment is complete, 75 when it was interrupted and is to be resumed.

    Raises:
        InputError: the plan does not know the segment, or its parent is missing.
    """
    job = find(plan, segment)
    final = store / segment
    if is_done(final, job):
        say(f"{job.label}: {segment} is complete in {store}, nothing to do")
        return DONE
    parent = _parent(job, store)
    store.mkdir(parents=True, exist_ok=True)
    try:
        with Lock(store / f"{segment}.lock", say=say, should_stop=should_stop) as lock:
            if is_done(final, job):  # by the one that was waited for
                return DONE
            trainer = trainer or registry.load(registry.classes("trainer")[job.trainer])
            machine = host(threads, environ) | trainer.describe_device(device)
            part = store / f"{segment}.part"
            part.mkdir(exist_ok=True)
            remove_temporaries(part)
            say(_title(job, part, machine["device"]))
            starts = Starts(part, machine["device"])
            if parent and parent["status"] != "finished":
                outcome = {name: parent[name] for name in OF_PARENT} | {"train_seconds": 0.0, "peak_memory_mb": None}
            else:
                outcome = trainer.train(
                    job,
                    store,
                    device=machine["device"],
                    threads=threads,
                    selections=_selections(final),
                    should_stop=lambda: should_stop() or lock.lost,
                    report=lambda row, best: say(progress_line(job, row, best)),
                    note=lambda text: (starts.note(text), say(text)),
                )
            if outcome["status"] == "interrupted":
                starts.note(outcome["detail"])
                say(f"{job.label}: {outcome['detail']}")
                return INTERRUPTED
            if not job.can_be_prolonged:
                # The optimizer's state is most of a segment's bytes, and nothing can resume from here.
                (part / "last.pt").unlink(missing_ok=True)
            record = {name: getattr(job, name) for name in FROM_PLAN} | outcome
            publish(part, final, record | {"versions": versions(), "host": machine, "history": starts.all}, job)
            ending = f"{outcome['status']} after epoch {outcome['epochs']}. {outcome['detail']}"
            say(f"{job.label}: {ending.rstrip(' .')}")
            return DONE
    except Stopped:
        return INTERRUPTED


def publish(part: Path, final: Path, record: dict[str, Any], job: SegmentPlan) -> None:
    """Write segment.json and give the folder its name: from then on the segment is complete."""
    write_json(part / "segment.json", record, flush=False)
    (part / "history.json").unlink(missing_ok=True)
    flush_all(part)
    if final.exists() and not is_done(final, job):
        # It ended out of memory, lacks an epoch that is wanted now, or is half a folder, as a broken copy leaves it.
        shutil.rmtree(final)
    try:
        os.rename(part, final)
    except OSError:
        if not is_complete(final):
            raise
        shutil.rmtree(part)  # another one published the same bits
    flush_path(final.parent)


def is_done(folder: Path, job: SegmentPlan) -> bool:
    """Whether a segment was published, and there is nothing to train again."""
    return is_complete(folder) and stands(_record(folder), job.train["on_oom"])


def progress_line(job: SegmentPlan, row: dict[str, Any], best: dict[str, Any] | None) -> str:
    """An epoch in one line for the log."""
    shown = [f"epoch {row['epoch']}/{job.total_epochs}", f"lr {row['lr']:.3g}"]
    names = dict.fromkeys(["train/loss", "val/loss", job.metric])
    shown += [f"{name} {row[name]:.4f}" for name in names if name in row]
    if best:
        shown.append(f"best {best['value']:.4f} at {best['epoch']}")
    return "  ".join([*shown, f"{row['seconds']:.1f} s"])


class Starts:
    """When and where a segment was started, and what happened then: history.json in its unfinished folder."""

    def __init__(self, part: Path, device: str):
        self.file = part / "history.json"
        self.all: list[dict[str, Any]] = read_json(self.file) if self.file.is_file() else []
        started = round(time.time(), 1)
        self.all.append({"host": socket.gethostname(), "pid": os.getpid(), "device": device, "started": started})
        write_json(self.file, self.all, flush=False)

    def note(self, text: str) -> None:
        """Add something that happened."""
        self.all[-1].setdefault("notes", []).append(text)
        write_json(self.file, self.all, flush=False)


def _title(job: SegmentPlan, part: Path, device: str) -> str:
    resumed = ", resumed" if (part / "last.pt").exists() else ""
    return f"{job.label}, epochs {job.first_epoch}-{job.last_epoch} on {device}{resumed}: {job.id}"


def _parent(job: SegmentPlan, store: Path) -> dict[str, Any] | None:
    """segment.json of the parent; None for the first segment of a run."""
    if not job.parent:
        return None
    folder = store / job.parent
    if not is_complete(folder):
        raise InputError(f"{folder}: the segment {job.id} continues it, but it is not complete; train it first")
    record = _record(folder)
    if record["status"] == "finished" and not (folder / "last.pt").exists():
        raise InputError(f"{folder}/last.pt is missing: nothing can continue it; remove {folder} to train it again")
    return record


def _selections(final: Path) -> list[str]:
    """What a segment that is to be replaced kept its best epochs by: the new one keeps them as well."""
    return list(_record(final)["best"] or ()) if is_complete(final) else []


def _record(folder: Path) -> dict[str, Any]:
    return read_json(folder / "segment.json")
