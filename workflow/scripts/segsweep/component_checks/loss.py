"""A loss: its value and its gradient, with void pixels in the mask."""

from typing import Any

import torch
from torch import nn

from segsweep.component_checks.own_component import OwnComponent
from segsweep.data.void import VOID

TOLERANCE = 1e-4  # relative, of float32


def check_loss(component: OwnComponent, masks: torch.Tensor, logits: int, class_weights: torch.Tensor | None) -> str:
    """Compute a loss and its gradient of drawn logits.

    Args:
        component: a term of a sum of losses.
        masks: uint8 (B, H, W), indices of classes, 255 void; of a binary output 0 and 1.
        logits: C, channels of the logits: 1 for a binary task, and for each label of several.
        class_weights: float32 (C,), or None.
    """
    with component.calls("build", "It gives a torch.nn.Module, called with logits and target"):
        loss = component.functions.build(component.settings, logits, class_weights)
    if not isinstance(loss, nn.Module):
        raise component.problem(
            f"build gives {type(loss).__name__}",
            "Let it give a torch.nn.Module whose `forward(logits, target)` is the loss",
        )
    target = masks.long()
    target[:, 0] = VOID  # as padding has it
    drawn = torch.randn(len(target), logits, *target.shape[1:], generator=torch.Generator().manual_seed(0))
    drawn.requires_grad_()
    value = _value(component, loss, drawn, target)
    if not value.requires_grad:
        raise component.problem(
            "the loss has no gradient",
            "Compute it of the logits by functions of torch, without `.item()`, `.detach()` or argmax",
        )
    with component.calls("the backward pass", "Its gradient is computed by torch"):
        (gradient,) = torch.autograd.grad(value, drawn, allow_unused=True)
    if gradient is None or not gradient.any():
        raise component.problem(
            "the gradient of the loss is 0 for all logits",
            "Let it depend on the logits: argmax and rounding have no gradient",
        )
    if not gradient.isfinite().all():
        raise component.problem(
            "the gradient of the loss is not finite",
            "Keep logarithms and roots away from 0, for example by log_softmax",
        )
    if component.settings.pixel_mean:
        _check_mean(component, loss, drawn.detach(), target)
    at_void = float(gradient.movedim(1, -1)[target == VOID].abs().max())
    seen = f"value {value.item():.4g}, gradient up to {float(gradient.abs().max()):.2g}"
    return seen if at_void == 0 else f"{seen}; note: up to {at_void:.2g} of it at void pixels, which are not to count"


def _value(component: OwnComponent, loss: Any, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The loss, a finite scalar."""
    expected = (
        f"It takes logits float32 {tuple(logits.shape)} and a target int64 {tuple(target.shape)} of classes, in which "
        f"{VOID} is void: leave these pixels out (`ignore_index={VOID}`)"
    )
    with component.calls("forward", expected):
        value = loss(logits, target)
    if not torch.is_tensor(value) or value.ndim or not value.is_floating_point():
        kind = f"a tensor {tuple(value.shape)} of {value.dtype}" if torch.is_tensor(value) else type(value).__name__
        raise component.problem(
            f"the loss is {kind}", "Let forward give one number, a tensor without axes, for example by `.mean()`"
        )
    if not value.isfinite():
        raise component.problem(
            f"the loss is {value.item():g} for logits around 0 and a target with void pixels ({VOID})",
            "Leave void pixels out, and divide by no number of pixels that may be 0",
        )
    return value


def _check_mean(component: OwnComponent, loss: Any, logits: torch.Tensor, target: torch.Tensor) -> None:
    """A `pixel_mean` of a batch is that of its images, each weighing as many as it has valid pixels."""
    weights = (target != VOID).sum((1, 2)).double()
    images = [float(loss(logits[i : i + 1], target[i : i + 1])) for i in range(len(target)) if weights[i]]
    mean = float((torch.tensor(images, dtype=torch.float64) * weights[weights > 0]).sum() / weights.sum())
    whole = float(loss(logits, target))
    if abs(mean - whole) > TOLERANCE * max(abs(whole), 1):
        raise component.problem(
            f"pixel_mean is true, but the loss of a batch is {whole:g}, and the mean over its valid pixels {mean:g}",
            "Leave pixel_mean out: it says that a batch may be cut into parts",
        )
