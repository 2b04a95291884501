"""segsweep's own training loop."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from segsweep.config.components import Trainer
from segsweep.data.prepared_checks import check_prepared
from segsweep.execution.arithmetic import AUTO, of_device
from segsweep.execution.cuda import torch_device
from segsweep.io import read_json_or_none, write_json
from segsweep.models.hub_weights import cache_first
from segsweep.planning.plan_file import SegmentPlan
from segsweep.store.checkpoints import read_checkpoint, read_state
from segsweep.store.segment_store import STATE, SegmentStore, read_arrays
from segsweep.training.loop import train_segment

# In the folder of an unfinished segment: what `precision: auto` took where it began.
PRECISION = "precision.json"
# Where float32 may be rounded to TF32 on a GPU that has it: torch's own choice.
TF32 = "convolutions"


class Builtin(Trainer):
    """segsweep's own training loop."""


def describe_device(name: str) -> dict[str, Any]:
    """See `segsweep.trainers`, and `segsweep.execution.cuda` for what a name stands for."""
    device = torch_device(name)
    gpu = device.type == "cuda"
    return {
        "device": str(device),
        "gpu": torch.cuda.get_device_name(device) if gpu else None,
        "cuda": torch.version.cuda if gpu else None,
        "cudnn": torch.backends.cudnn.version() if gpu else None,
        "tf32": TF32 if gpu else None,
    }


def train(segment: SegmentPlan, store: SegmentStore, **options: Any) -> dict[str, Any]:
    """See `segsweep.trainers`; `options` are those of `train_segment`."""
    check_prepared(Path(segment.data))
    _drop_damaged(store.part(segment.id), options["note"])
    device = torch.device(options["device"])
    set_tf32()
    precision = precision_of(segment, store, device, options["note"])
    taken = replace(segment, train=segment.train | {"precision": precision})
    with cache_first():
        outcome = train_segment(taken, store, **options)
    if outcome["status"] != "interrupted":
        (store.part(segment.id) / PRECISION).unlink(missing_ok=True)
    return outcome | {"precision": precision}


def set_tf32() -> None:
    """Say where float32 is rounded to TF32, so that no other library and no later version of torch decides it."""
    torch.backends.cudnn.conv.fp32_precision = "tf32"
    torch.backends.cuda.matmul.fp32_precision = "ieee"


def precision_of(segment: SegmentPlan, store: SegmentStore, device: torch.device, note: Callable[[str], None]) -> str:
    """The arithmetic of a training: as its setting says; with `auto` what its run began with, else what the device has.

    `note` is told what `auto` took, and of arithmetic that the device emulates.
    """
    precision, has = segment.train["precision"], of_device(device)
    if precision == AUTO:
        precision = _began_with(segment, store) or has.best
        kept = "" if precision == has.best else f", with which the run began, not {has.best}"
        note(f"precision: auto takes {precision} on {device}{kept}")
        write_json(store.part(segment.id) / PRECISION, precision, flush=True)
    if said := has.emulated(precision):
        note(said)
    return precision


def _began_with(segment: SegmentPlan, store: SegmentStore) -> str:
    """What `auto` took in what a segment resumes or continues; nothing where it begins a run."""
    part = store.part(segment.id)
    if (part / STATE).exists() and (kept := read_json_or_none(part / PRECISION)):
        return kept
    return (store.record(segment.parent).precision or "") if segment.parent else ""


def _drop_damaged(part: Path, note: Callable[[str], None]) -> None:
    """Begin the segment again where a power cut or a bad disk has spoiled its state, or what it kept of an epoch."""
    state = part / STATE
    if not state.exists():
        return
    files = [(read_state, state)]
    files += [(read_checkpoint, path) for path in sorted(part.glob("weights-*.pt"))]
    files += [(read_arrays, path) for path in sorted(part.glob("images-*.npz"))]
    for read, path in files:
        try:
            read(path)
        except Exception as error:  # torch names no type for a broken file
            state.unlink()
            note(f"{path} cannot be read ({error}); the segment begins again")
            return
