"""A frozen part of the network: weights, statistics of norms and the optimizer's state stay as they are."""

import torch
from torch import nn

from segsweep.config.components import Freeze
from segsweep.models.parts import encoders


def freeze_or_thaw(freeze: Freeze | None, model: nn.Module, optimizer: torch.optim.Optimizer, epoch: int) -> None:
    """Freeze the encoder for an epoch, or let it train; called when the network has been put into training mode.

    Parameters that need no gradient get none, and an optimizer passes by parameters without a gradient: no step, no
    decay, no state. In evaluation mode norms keep their statistics and use them, and dropout is off. All of it follows
    from the epoch alone, so that there is nothing to save.
    """
    if freeze is None:
        return
    frozen = freeze.is_in_force(epoch)
    for group in optimizer.param_groups:
        if group.get("part") == freeze.part:
            for parameter in group["params"]:
                parameter.requires_grad_(not frozen)
            if epoch - 1 == freeze.until_epoch:
                group.pop("step", None)  # some (LAMB, Adan) count the steps of a group, and this one took none
    if frozen:
        for encoder in encoders(model):
            encoder.eval()
