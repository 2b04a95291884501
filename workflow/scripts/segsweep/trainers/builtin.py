"""segsweep's own training loop."""

from pathlib import Path
from typing import Any

import torch

from segsweep.config.components import Trainer
from segsweep.planning.plan_file import SegmentPlan
from segsweep.store.checkpoints import read_checkpoint
from segsweep.store.segment_store import STATE, SegmentStore
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
    _drop_unreadable(store.part(segment.id) / STATE, options["note"])
    return train_segment(segment, store, **options)


def _drop_unreadable(state: Path, note) -> None:
    """Begin the segment again where a power cut has spoiled its state."""
    try:
        read_checkpoint(state)
    except FileNotFoundError:
        return
    except Exception as error:  # torch names no type for a broken file
        state.unlink()
        note(f"{state} cannot be read ({error}); the segment begins again")
