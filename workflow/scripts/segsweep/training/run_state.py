"""Everything that a run needs to resume with the same bits, from the end of an epoch or between two steps of one.

Learning rates need no state: they are a function of the step. Batches need none either: they are one of (seed, epoch,
index). The rest is here.
"""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import nn

from segsweep.store.checkpoints import read_checkpoint, read_state


@dataclass
class StartedEpoch:
    """What is done of the epoch after the last finished one.

    Attributes:
        steps: of the optimizer.
        is_trained: whether these are all of them; then what remains is to evaluate.
        images: that they saw.
        sums: of each loss over these images, float64 scalars on the device.
        max_abs_loss: the largest loss of a step, a scalar on the device; None before the first.
        lr: of the last step.
        skipped_steps: see `GradientScaler`.
        generators: their states after the last step, which the next one draws from; none before the first.
        seconds: since the end of the epoch before, also in jobs that were interrupted.
        training_seconds: of these, those of steps.
    """

    steps: int = 0
    is_trained: bool = False
    images: int = 0
    sums: dict[str, torch.Tensor] = field(default_factory=dict)
    max_abs_loss: torch.Tensor | None = None
    lr: float = 0.0
    skipped_steps: int = 0
    generators: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    training_seconds: float = 0.0

    @classmethod
    def from_state(cls, content: dict[str, Any]) -> Self:
        """Of what a state holds; those of earlier versions hold nothing of it, as they are of ends of epochs."""
        return cls(**content.get("started", {}))


@dataclass
class RunState:
    """The plain part of a run's state.

    Attributes:
        epoch: the last finished one.
        started: the next one.
        best: for each selection (`max val/miou`) {"epoch", "value", "segment"}, or None before there is any.
        rows: of epochs.csv of this segment.
        counts: of the validation split, a dict of arrays for each epoch of this segment.
        plateau: {"best", "bad" (epochs in a row without improvement), "reductions", "cooldown" (epochs left of it)}.
        stopping: {"best", "bad"} of early stopping.
        micro_batch: images passed through the network at once.
    """

    micro_batch: int
    epoch: int = 0
    started: StartedEpoch = field(default_factory=StartedEpoch)
    best: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    counts: list[dict[str, np.ndarray]] = field(default_factory=list)
    plateau: dict[str, Any] = field(default_factory=lambda: {"best": None, "bad": 0, "reductions": 0, "cooldown": 0})
    stopping: dict[str, Any] = field(default_factory=lambda: {"best": None, "bad": 0})

    @property
    def resumes_at(self) -> str:
        """Where the training goes on, in words."""
        done, epoch = self.started, f"epoch {self.epoch + 1}"
        if done.is_trained:
            return f"the evaluation of {epoch}"
        return f"step {done.steps + 1} of {epoch}" if done.steps else epoch

    def stacked_counts(self) -> dict[str, np.ndarray]:
        """Counts with a leading axis of this segment's epochs; none before the first of them."""
        names = self.counts[0] if self.counts else ()
        return {name: np.stack([one[name] for one in self.counts]) for name in names}


def content_of(
    state: RunState,
    loss: dict,
    model: nn.Module | None,
    criterion: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    others: dict[str, Any],
) -> dict[str, Any]:
    """The complete state, as a checkpoint holds it; tensors are those of the modules.

    Args:
        loss: its settings, which say later whether the criterion is still the same.
        model: None where its weights are those that are kept of the state's epoch.
        others: what else has a state, by name; as a rule nothing.
    """
    plain = {one.name: getattr(state, one.name) for one in fields(RunState)}
    plain["started"] = {one.name: getattr(state.started, one.name) for one in fields(StartedEpoch)}
    plain["counts"] = {name: torch.from_numpy(values) for name, values in state.stacked_counts().items()}
    modules = {"model": model, "criterion": criterion, "optimizer": optimizer} | others
    return plain | {name: one.state_dict() for name, one in modules.items() if one is not None} | {"loss": loss}


def read(path: Path) -> RunState:
    """The plain part of a state alone."""
    return _plain(read_checkpoint(path))


def restore(
    path: Path,
    loss: dict,
    model: nn.Module,
    criterion: nn.Module,
    optimizer: torch.optim.Optimizer,
    device: torch.device,
    *,
    others: dict[str, Any],
) -> RunState:
    """Fill model, criterion, optimizer and what else has a state from a file; returns the plain part of the state."""
    content = read_state(path, device)
    model.load_state_dict(content["model"])
    held, same = content["criterion"], content["loss"] == loss
    if not same:
        # A new phase has its own constants (class weights); only what was learned stays.
        learned = dict(criterion.named_parameters())
        held = {name: value for name, value in held.items() if name in learned}
    criterion.load_state_dict(held, strict=same)
    optimizer.load_state_dict(content["optimizer"])
    for name, one in others.items():
        one.load_state_dict(content[name])
    return _plain(content)


def _plain(content: dict[str, Any]) -> RunState:
    plain = {one.name: content[one.name] for one in fields(RunState) if one.name != "started"}
    plain["started"] = StartedEpoch.from_state(content)
    arrays = {name: values.cpu().numpy() for name, values in content["counts"].items()}
    plain["counts"] = [{name: values[i] for name, values in arrays.items()} for i in range(len(content["rows"]))]
    return RunState(**plain)
