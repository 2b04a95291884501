"""A program of the user's own: a process for each segment, whose metrics are read while it runs."""

import os
import subprocess
from collections.abc import Mapping
from typing import Any

from segsweep.config.components import Trainer
from segsweep.execution.gpus import list_gpus, name_of, visible
from segsweep.planning.plan_file import SegmentPlan
from segsweep.programs.training import ProgramTraining
from segsweep.store.segment_store import SegmentStore


class Command(Trainer):
    """A program of the user's own."""


def describe_device(name: str, environ: Mapping[str, str] = os.environ, run=subprocess.run) -> dict[str, Any]:
    """See `segsweep.trainers`. `auto` is a GPU where the driver knows one; nothing is imported that would hold it."""
    gpus = [] if name == "cpu" else visible(list_gpus(run), environ.get("CUDA_VISIBLE_DEVICES"))
    if name == "auto":
        name = "cuda" if gpus else "cpu"
    number = int(name.partition(":")[2] or 0)
    gpu = name_of(gpus[number], run) if number < len(gpus) else None
    return {"device": name, "gpu": gpu, "cuda": None, "cudnn": None}


def train(segment: SegmentPlan, store: SegmentStore, *, device: str, threads: int, **options: Any) -> dict[str, Any]:
    """See `segsweep.trainers`; `options` are `should_stop`, `report` and `note`. Of the best epochs that by the study's
    metric alone is told: further ones are found in epochs.csv at any time.

    Raises:
        InputError: the program failed, or its metrics are not what the study says.
    """
    del options["selections"]
    training = ProgramTraining(segment, store, device=device, threads=threads, **options)
    training.end_left_behind()
    training.drop_damaged()
    if training.ended:
        options["note"]("the program has ended before; its results are read again")
        return training.read_again()
    outcome = training.run()
    if outcome is None:
        outcome = training.run(from_nothing=True)
    return outcome
