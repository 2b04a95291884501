"""The gradient of a large batch, computed in micro-batches that fit into memory.

A loss over a batch is a mean, a ratio of sums (Dice), a sort (Lovász) or a choice of pixels (OHEM). Only for the
first is the gradient of the whole the weighted mean of the gradients of the micro-batches; for the others each is
passed through the network twice: once to learn the loss's gradient at the outputs of the whole batch, once to carry it
back. Either way the result is the large batch's gradient (up to rounding, and up to batch norm, whose statistics are
those of a micro-batch).

Source: Gao et al. 2021, "Scaling deep contrastive learning batch size under memory limited setup" (gradient cache).
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import torch
from torch import nn

from segsweep.config.losses import Loss
from segsweep.data.void import VOID
from segsweep.network_outputs import map_tensors, tensors_of
from segsweep.training.seeding import generator_states, set_generator_states


def grouped(batches: Iterable[dict], size: int) -> Iterator[list[dict]]:
    """Lists of `size` batches; the last one may be shorter."""
    batches = iter(batches)
    while group := list(islice(batches, size)):
        yield group


def joined(parts: list[dict]) -> dict | None:
    """Micro-batches as one batch, without their images; None where the images differ in size."""
    if len({part["image"].shape[-2:] for part in parts}) > 1:
        return None
    whole = {}
    for key in parts[0].keys() - {"image"}:
        values = [part[key] for part in parts]
        if torch.is_tensor(values[0]):
            whole[key] = torch.cat(values)
        else:
            whole[key] = [item for value in values for item in value] if isinstance(values[0], list) else values[0]
    return whole


def is_mean_over_pixels(loss: Loss) -> bool:
    """Whether the whole loss is a mean over the valid pixels, all pixels weighing alike."""
    terms = [terms for terms in (loss.main, loss.aux) if terms is not None]
    losses = [term for each in terms for term in each.active().values()]
    pixel_mean = bool(losses) and all(term.pixel_mean for term in losses)
    return pixel_mean and loss.class_weights is None and not (loss.seg or loss.db)


def accumulate_gradients(
    task: Any, model: nn.Module, criterion: nn.Module, parts: list[dict], forward: Callable, loss: Loss
) -> dict[str, torch.Tensor]:
    """Add the gradient of the loss of several micro-batches taken as one batch.

    Args:
        task: its `before_backward(losses, model)` is called before each backward pass.
        parts: batches as a task knows them, on the device.
        forward: images -> outputs in float32.
        loss: the loss's settings, which say how micro-batches may be put together.

    Returns:
        The losses of the whole batch, detached scalars.
    """
    whole = joined(parts)
    if is_mean_over_pixels(loss):
        weights = torch.stack([(part["mask"] != VOID).sum() for part in parts]).double()
    elif whole is None or loss.task_weights == "gradnorm":
        # GradNorm needs the graph of the network behind the losses; images of several sizes make no one batch.
        weights = torch.tensor([float(len(part["image"])) for part in parts], dtype=torch.float64)
    else:
        return _in_two_passes(task, model, criterion, parts, whole, forward)
    total = weights.sum()
    # Of no number of the host: it would have to wait for the device's.
    shares = torch.where(total > 0, weights / total, 1 / len(parts)).float()
    sums: dict[str, torch.Tensor] = {}
    for part, share in zip(parts, shares, strict=True):
        losses = criterion(forward(part["image"]), part)
        task.before_backward(losses, model)
        (losses["loss"] * share).backward()
        for name, value in losses.items():
            sums[name] = sums.get(name, 0.0) + share * value.detach()
    return sums


def _in_two_passes(
    task: Any, model: nn.Module, criterion: nn.Module, parts: list[dict], whole: dict, forward: Callable
) -> dict[str, torch.Tensor]:
    device = parts[0]["image"].device
    draws, outputs = [], []
    with torch.no_grad(), _frozen_statistics(model):
        for part in parts:
            draws.append(generator_states(device))
            outputs.append(forward(part["image"]))
    at_outputs = map_tensors(lambda *tensors: torch.cat(tensors).requires_grad_(), *outputs)
    outputs.clear()
    losses = criterion(at_outputs, whole)
    task.before_backward(losses, model)
    losses["loss"].backward()
    start = 0
    for part, states in zip(parts, draws, strict=True):
        set_generator_states(states, device)  # the same dropout as in the first pass
        again = forward(part["image"])
        end = start + len(part["image"])
        pairs = [
            (tensor, wanted.grad[start:end])
            for tensor, wanted in zip(tensors_of(again), tensors_of(at_outputs), strict=True)
            if wanted.grad is not None and tensor.requires_grad
        ]
        if pairs:
            torch.autograd.backward([tensor for tensor, _ in pairs], [gradient for _, gradient in pairs])
        start = end
    return {name: value.detach() for name, value in losses.items()}


@contextmanager
def _frozen_statistics(model: nn.Module):
    """Batch norm leaves its running statistics as they are, else each micro-batch would count twice."""
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, kept, strict=True):
            norm.momentum = momentum
