"""segsweep's own training loop."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from segsweep.config.components import Trainer
from segsweep.data.prepared_checks import check_prepared
from segsweep.planning.plan_file import SegmentPlan
from segsweep.store.checkpoints import read_checkpoint
from segsweep.store.segment_store import STATE, SegmentStore, read_arrays
from segsweep.training.loop import train_segment


class Builtin(Trainer):
    """segsweep's own training loop."""


def describe_device(name: str) -> dict[str, Any]:
    """See `segsweep.trainers`. `auto` is a GPU where there is one."""
    device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)
    gpu = device.type == "cuda"
    return {
        "device": str(device),
        "gpu": torch.cuda.get_device_name(device) if gpu else None,
        "cuda": torch.version.cuda if gpu else None,
        "cudnn": torch.backends.cudnn.version() if gpu else None,
    }


def train(segment: SegmentPlan, store: SegmentStore, **options: Any) -> dict[str, Any]:
    """See `segsweep.trainers`; `options` are those of `train_segment`."""
    check_prepared(Path(segment.data))
    _drop_damaged(store.part(segment.id), options["note"])
    if said := slow_arithmetic(segment.train["precision"], torch.device(options["device"])):
        options["note"](said)
    return train_segment(segment, store, **options)


def slow_arithmetic(precision: str, device: torch.device) -> str:
    """What there is to say where a device computes with a precision, but not faster than with fp32; else nothing."""
    if precision == "bf16" and device.type == "cuda":
        with torch.cuda.device(device):
            if not torch.cuda.is_bf16_supported(including_emulation=False):
                return (
                    f"precision: bf16: {torch.cuda.get_device_name(device)} has no arithmetic for it and emulates it, "
                    "slower than fp32. Write `precision: fp16`, which it has."
                )
    if precision == "fp16" and device.type == "cpu":
        return (
            "precision: fp16: a CPU computes with it many times slower than with fp32. It is for GPUs; write "
            "`precision: bf16`, or leave it out."
        )
    return ""


def _drop_damaged(part: Path, note: Callable[[str], None]) -> None:
    """Begin the segment again where a power cut or a bad disk has spoiled its state, or what it kept of an epoch."""
    state = part / STATE
    if not state.exists():
        return
    for path in [state, *sorted(part.glob("weights-*.pt")), *sorted(part.glob("images-*.npz"))]:
        try:
            read_arrays(path) if path.suffix == ".npz" else read_checkpoint(path)
        except Exception as error:  # torch names no type for a broken file
            state.unlink()
            note(f"{path} cannot be read ({error}); the segment begins again")
            return
