"""Bounds on the gradient."""

from collections.abc import Iterable

import torch
from torch import nn

from segsweep.config.train import Clip, Train


def clip_of(train: Train) -> Clip | None:
    """What bounds the gradient, whichever way it was written."""
    return train.clip if train.clip_norm is None else Clip(norm=train.clip_norm)


def clip_gradients(parameters: Iterable[nn.Parameter], clip: Clip | None) -> None:
    """Scale or cut the gradients of parameters in place; those without a gradient are left out.

    Args:
        parameters: of the network.
        clip: the bound; None leaves the gradients as they are.
    """
    if clip is None:
        return
    if clip.value is not None:
        nn.utils.clip_grad_value_(parameters, clip.value)
    elif clip.per == "all":
        nn.utils.clip_grad_norm_(parameters, clip.norm)
    else:
        clip_each_norm(parameters, clip.norm)


@torch.no_grad()
def clip_each_norm(parameters: Iterable[nn.Parameter], norm: float) -> None:
    """Scale the gradient of each parameter by itself so that its norm is at most `norm`, in place.

    Source: `clipnorm` of Keras's optimizers: gradient * norm / max(norm of the gradient, norm).
    """
    for parameter in parameters:
        if parameter.grad is not None:
            parameter.grad.mul_(norm / parameter.grad.norm().clamp(min=norm))
