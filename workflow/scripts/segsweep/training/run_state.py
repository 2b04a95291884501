"""Everything that a run needs to go on to the same bits from the end of an epoch.

Generators need no state: they are seeded anew from (seed, epoch) at each epoch. Learning rates need none either:
they are a function of the step. The rest is here.
"""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from segsweep.store.checkpoints import read_checkpoint, write_checkpoint


def fresh(batch_size: int) -> dict[str, Any]:
    """The plain part of the state before the first epoch."""
    return {
        "epoch": 0,  # the last finished one
        "best": None,  # {"epoch", "value", "segment"}
        "rows": [],  # epochs.csv of this segment
        "plateau": {"best": None, "bad": 0, "reductions": 0},
        "stopping": {"best": None, "bad": 0},
        "micro_batch": batch_size,  # pictures passed through the network at once
    }


def save(
    path: Path,
    state: dict,
    loss: dict,
    model: nn.Module,
    criterion: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    flush: bool,
) -> None:
    """Write the complete state; `loss` (its settings) says later whether the criterion is still the same."""
    modules = {"model": model.state_dict(), "criterion": criterion.state_dict(), "optimizer": optimizer.state_dict()}
    write_checkpoint(path, state | modules | {"loss": loss}, flush=flush)


def restore(
    path: Path,
    loss: dict,
    model: nn.Module,
    criterion: nn.Module,
    optimizer: torch.optim.Optimizer,
    device: torch.device,
) -> dict[str, Any]:
    """Fill model, criterion and optimizer from a file; returns the plain part of the state."""
    content = read_checkpoint(path, device)
    model.load_state_dict(content.pop("model"))
    held, same = content.pop("criterion"), content.pop("loss") == loss
    if not same:
        # A new phase has its own constants (class weights); only what was learned goes on.
        learned = dict(criterion.named_parameters())
        held = {name: value for name, value in held.items() if name in learned}
    criterion.load_state_dict(held, strict=same)
    optimizer.load_state_dict(content.pop("optimizer"))
    return content
