"""Weights & Biases: offline runs that `wandb sync` sends, unless WANDB_MODE says otherwise."""

import shutil
from pathlib import Path
from typing import ClassVar

import wandb

from segsweep.config.components import Tracker
from segsweep.hashing import short_hash
from segsweep.tracking.tracked_run import Epoch, Outcome, TrackedRun

CONNECT_S = 30  # where runs are not offline
OPEN: dict[str, wandb.Run] = {}  # by id


class WeightsAndBiases(Tracker):
    """Weights & Biases."""

    title: ClassVar[str] = "Weights & Biases"
    environment: ClassVar[dict[str, str]] = {
        "WANDB_MODE": "offline",
        "WANDB_PROJECT": "{study}",
        "WANDB_ERROR_REPORTING": "false",  # to its makers
    }
    look: ClassVar[str] = "wandb sync {folder}/offline-run-*"


def begin(folder: Path, run: TrackedRun) -> "RunHistory":
    """See `segsweep.trackers`. A run that was sent before is replaced when it is sent again: it has the same id."""
    identity = short_hash((run.study, run.run), 16)
    if identity in OPEN:  # the library has no two runs of an id at once
        OPEN.pop(identity).finish()
    for earlier in folder.glob(f"*run-*-{identity}"):
        shutil.rmtree(earlier)
    return RunHistory(folder, identity, run)


class RunHistory:
    """A run with its history, one entry an epoch, or more where columns followed later."""

    def __init__(self, folder: Path, identity: str, run: TrackedRun):
        self.run = OPEN[identity] = wandb.init(
            id=identity,
            name=run.title,
            dir=folder.parent,  # in which the library makes a folder of the name `wandb`
            config=run.parameters | run.repeat,
            group=run.cell,
            job_type=run.tags.get("role"),
            reinit="create_new",
            settings=wandb.Settings(
                silent=True, console="off", disable_git=True, disable_code=True, x_disable_stats=True,
                init_timeout=CONNECT_S,
            ),
        )  # fmt: skip
        self.run.define_metric("epoch")
        self.run.define_metric("*", step_metric="epoch")
        self._summarize(run.tags)

    def add(self, epochs: list[Epoch]) -> None:
        """See `segsweep.trackers`."""
        for one in epochs:
            self.run.log({"epoch": one.epoch, "_timestamp": one.ended} | one.values)

    def end(self, outcome: Outcome) -> None:
        """See `segsweep.trackers`."""
        self._summarize(outcome.tags)
        self.run.summary.update(outcome.summary)
        OPEN.pop(self.run.id).finish(exit_code=int(outcome.has_failed))

    def _summarize(self, tags: dict[str, str]) -> None:
        self.run.summary.update({f"segsweep/{name}": text for name, text in tags.items()})
