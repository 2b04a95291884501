"""The job around a segment: find it in the plan, see what is there, train, write down, publish."""

import json
import os
import shutil
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from segsweep.errors import InputError
from segsweep.execution.provenance import host, versions
from segsweep.exits import DONE, INTERRUPTED
from segsweep.store.checkpoints import (
    flush_all,
    flush_path,
    read_checkpoint,
    remove_temporaries,
    write_json,
    write_table,
)
from segsweep.store.lock import Lock, Stopped
from segsweep.store.lookup import find, is_complete
from segsweep.store.segment_store import SegmentRecord
from segsweep.training.loop import COLUMNS, train_segment

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
)
FINGERPRINTS = ("data_fingerprint", "code_fingerprint")


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
) -> int:
    """Make sure that a segment is complete in the store.

    Args:
        plan: plan.json of the study.
        segment: id of the segment.
        store: folder of all segments.
        device: "auto" takes a GPU where there is one.
        should_stop: asked at each batch; True leaves the last finished epoch on the disk.
        environ: where the batch system's names for the job are found.

    Returns:
        0 when the segment is complete, 75 when it was interrupted and is to be gone on with.

    Raises:
        InputError: the plan does not know the segment, or its parent is missing.
    """
    description = find(plan, segment)
    final = store / segment
    if _stands(final, description):
        say(f"{description['label']}: {segment} is complete in {store}, nothing to do")
        return DONE
    parent = _parent(description, store)
    store.mkdir(parents=True, exist_ok=True)
    try:
        with Lock(store / f"{segment}.lock", say=say, should_stop=should_stop) as lock:
            if _stands(final, description):  # by the one that was waited for
                return DONE
            part = store / f"{segment}.part"
            part.mkdir(exist_ok=True)
            remove_temporaries(part)
            where = torch.device(_device(device))
            say(_title(description, store, where))
            history = _start(part, where)
            _drop_unreadable(part, history, say)
            if parent and parent["status"] != "finished":
                outcome = _copied(parent)
                write_table(part / "epochs.csv", [], COLUMNS)
            else:
                outcome = train_segment(
                    description,
                    store,
                    device=str(where),
                    threads=threads,
                    should_stop=lambda: should_stop() or lock.lost,
                    report=lambda row, best: say(progress_line(description, row, best)),
                    note=lambda text: (_remember(part, history, text), say(text)),
                )
            if outcome["status"] == "interrupted":
                _remember(part, history, outcome["detail"])
                say(f"{description['label']}: {outcome['detail']}")
                return INTERRUPTED
            record = {name: description.get(name) for name in (*FROM_PLAN, *FINGERPRINTS)} | outcome
            if not description.get("can_be_extended", True):
                # The optimizer's state is most of a segment's bytes, and nothing can go on from here.
                (part / "last.pt").unlink(missing_ok=True)
            record |= {"versions": versions(), "host": host(where, threads, environ), "history": history}
            publish(part, final, record)
            ending = f"{outcome['status']} after epoch {outcome['epochs']}. {outcome['detail']}"
            say(f"{description['label']}: {ending.rstrip(' .')}")
            return DONE
    except Stopped:
        return INTERRUPTED


def publish(part: Path, final: Path, record: dict) -> None:
    """Write segment.json and give the folder its name: from then on the segment is complete."""
    write_json(part / "segment.json", record, flush=False)
    (part / "history.json").unlink(missing_ok=True)
    flush_all(part)
    if final.exists() and not _stands(final, record):
        # It ended out of memory, or is half of a folder, as a broken copy leaves it; its name must be free.
        shutil.rmtree(final)
    try:
        os.rename(part, final)
    except OSError:
        if not is_complete(final):
            raise
        shutil.rmtree(part)  # another one published the same bits
    flush_path(final.parent)


def _stands(folder: Path, description: dict) -> bool:
    """Whether a segment was published, and there is nothing to train again."""
    return is_complete(folder) and SegmentRecord.from_json(_record(folder)).stands(description["train"]["on_oom"])


def _record(folder: Path) -> dict:
    return json.loads((folder / "segment.json").read_text(encoding="utf-8"))


def progress_line(description: dict, row: dict, best: dict | None) -> str:
    """An epoch in one line for the log."""
    shown = [f"epoch {row['epoch']}/{description['total_epochs']}", f"lr {row['lr']:.3g}"]
    names = dict.fromkeys(["train/loss", "val/loss", description["metric"]])
    shown += [f"{name} {row[name]:.4f}" for name in names if name in row]
    if best:
        shown.append(f"best {best['value']:.4f} at {best['epoch']}")
    return "  ".join([*shown, f"{row['seconds']:.1f} s"])


def _title(description: dict, store: Path, device: torch.device) -> str:
    part = store / f"{description['id']}.part"
    again = ", going on from what is there" if (part / "last.pt").exists() else ""
    span = f"epochs {description['first_epoch']}-{description['last_epoch']}"
    return f"{description['label']}, {span} on {device}{again}: {description['id']}"


def _parent(description: dict, store: Path) -> dict | None:
    """segment.json of the parent; None for the first segment of a run."""
    if not description["parent"]:
        return None
    folder = store / description["parent"]
    if not is_complete(folder):
        raise InputError(
            f"{folder}: the segment {description['id']} goes on from it, but it is not complete; train it first"
        )
    record = _record(folder)
    if record["status"] == "finished" and not (folder / "last.pt").exists():
        raise InputError(
            f"{folder}/last.pt is missing: the segment cannot be gone on from; remove {folder} to train it anew"
        )
    return record


def _copied(parent: dict) -> dict:
    """Outcome of a segment whose parent ended early: nothing trained."""
    kept = ("status", "detail", "epochs", "best", "parameters", "checkpoint_mb", "effective_batch", "micro_batch")
    return {name: parent[name] for name in kept} | {"train_seconds": 0.0, "peak_memory_mb": None}


def _device(name: str) -> str:
    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name


def _start(part: Path, device: torch.device) -> list[dict]:
    """The history of starts, this one added."""
    try:
        history = json.loads((part / "history.json").read_text())
    except FileNotFoundError:
        history = []
    history.append(
        {"host": socket.gethostname(), "pid": os.getpid(), "device": str(device), "started": round(time.time(), 1)}
    )
    write_json(part / "history.json", history, flush=False)
    return history


def _drop_unreadable(part: Path, history: list[dict], say: Callable[[str], None]) -> None:
    """Begin the segment anew where a power cut has spoiled its state."""
    try:
        read_checkpoint(part / "last.pt")
    except FileNotFoundError:
        return
    except Exception as error:  # torch names no type for a broken file
        (part / "last.pt").unlink()
        text = f"{part / 'last.pt'} cannot be read ({error}); the segment begins anew"
        _remember(part, history, text)
        say(text)


def _remember(part: Path, history: list[dict], text: str) -> None:
    history[-1].setdefault("notes", []).append(text)
    write_json(part / "history.json", history, flush=False)
