"""Everything that a run needs to resume with the same bits from the end of an epoch.

Generators need no state: they are seeded from (seed, epoch) at each epoch. Learning rates need none either: they are a
function of the step. The rest is here.
"""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from segsweep.store.checkpoints import read_checkpoint, write_checkpoint


@dataclass
class RunState:
    """The plain part of a run's state.

    Attributes:
        epoch: the last finished one.
        best: for each selection (`max val/miou`) {"epoch", "value", "segment"}, or None before there is any.
        rows: of epochs.csv of this segment.
        counts: of the validation split, a dict of arrays for each epoch of this segment.
        plateau: {"best", "bad" (epochs in a row without improvement), "reductions", "cooldown" (epochs left of it)}.
        stopping: {"best", "bad"} of early stopping.
        micro_batch: images passed through the network at once.
    """

    micro_batch: int
    epoch: int = 0
    best: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    counts: list[dict[str, np.ndarray]] = field(default_factory=list)
    plateau: dict[str, Any] = field(default_factory=lambda: {"best": None, "bad": 0, "reductions": 0, "cooldown": 0})
    stopping: dict[str, Any] = field(default_factory=lambda: {"best": None, "bad": 0})

    def stacked_counts(self) -> dict[str, np.ndarray]:
        """Counts with a leading axis of this segment's epochs; none before the first of them."""
        names = self.counts[0] if self.counts else ()
        return {name: np.stack([one[name] for one in self.counts]) for name in names}


def save(
    path: Path,
    state: RunState,
    loss: dict,
    model: nn.Module,
    criterion: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    others: dict[str, Any],
    flush: bool,
) -> None:
    """Write the complete state.

    Args:
        loss: its settings, which say later whether the criterion is still the same.
        others: what else has a state, by name; as a rule nothing.
    """
    plain = {one.name: getattr(state, one.name) for one in fields(RunState)}
    plain["counts"] = {name: torch.from_numpy(values) for name, values in state.stacked_counts().items()}
    modules = {"model": model.state_dict(), "criterion": criterion.state_dict(), "optimizer": optimizer.state_dict()}
    modules |= {name: one.state_dict() for name, one in others.items()}
    write_checkpoint(path, plain | modules | {"loss": loss}, flush=flush)


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
    content = read_checkpoint(path, device)
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
    plain = {one.name: content[one.name] for one in fields(RunState)}
    arrays = {name: values.cpu().numpy() for name, values in content["counts"].items()}
    plain["counts"] = [{name: values[i] for name, values in arrays.items()} for i in range(len(content["rows"]))]
    return RunState(**plain)
