"""A frozen part of the network: weights, statistics of norms and the optimizer's state stay as they are."""

from typing import Any

import torch
from torch import nn

from segsweep.config.components import Freeze
from segsweep.models.parts import encoders


def freeze_or_thaw(
    freeze: Freeze | None, model: nn.Module, optimizer: torch.optim.Optimizer, epoch: int, *, begins: bool
) -> None:
    """Freeze the encoder for an epoch, or let it train; called when the network has been put into training mode.

    Parameters that need no gradient get none, and an optimizer passes by parameters without a gradient: no step, no
    decay, no state. In evaluation mode norms keep their statistics and use them, and dropout is off. All of it follows
    from the epoch alone, so that there is nothing to save.

    Args:
        begins: whether no step of the epoch is done yet; else it resumes.
    """
    if freeze is None:
        return
    groups = [group for group in optimizer.param_groups if group.get("part") == freeze.part]
    frozen = is_frozen(freeze, epoch)
    for group in groups:
        for parameter in group["params"]:
            parameter.requires_grad_(not frozen)
    if frozen:
        for encoder in encoders(model):
            encoder.eval()
    elif begins and is_frozen(freeze, epoch - 1):
        for group in groups:
            restart_step_count(group)


def is_frozen(freeze: Freeze, epoch: int) -> bool:
    """Whether the part is frozen in an epoch; the first one is 1."""
    return freeze.until_epoch is None or epoch <= freeze.until_epoch


def restart_step_count(group: dict[str, Any]) -> None:
    """Some optimizers (LAMB, Adan) count the steps of a group; one that was frozen took none of them."""
    group.pop("step", None)
