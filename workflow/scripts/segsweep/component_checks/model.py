"""A network: one pass through it, on tensors without content, and the shape of what comes out."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from segsweep.component_checks.own_component import OwnComponent
from segsweep.network_outputs import tensors_of

FEW = 2  # images of a pass that is really computed


def check_model(
    component: OwnComponent,
    build: Callable[[], nn.Module],
    training: torch.Size,
    evaluation: list[torch.Size],
    logits: int,
) -> str:
    """Pass images through a network, once as in training and once as in evaluation.

    On the device `meta` tensors have a shape and no content, so that a pass costs nothing, however large. What looks
    at its values there (`.item()`) is computed on a CPU instead, for a few images.

    Args:
        component: the network's.
        build: makes the network as training does, with what settings replace in any (norms, activations).
        training: shape (B, C, H, W) of a batch of training.
        evaluation: shapes of batches of evaluation.
        logits: channels of the outputs: 1 for a binary task.
    """
    with component.calls("build", f"It gives a torch.nn.Module for {logits} logits and {training[1]} channels"):
        made = component.functions.build(component.settings, logits, training[1])
    if not isinstance(made, nn.Module):
        raise component.problem(f"build gives {_kind(made)}", "Let it return the torch.nn.Module")
    network = build()
    sizes = [p.numel() for p in network.parameters() if p.requires_grad]
    if not sizes:
        raise component.problem("no parameter of the network trains", "Leave `requires_grad` of its weights on")
    passes = [(training, True), *((shape, False) for shape in evaluation)]
    if not _passes_without_content(component, network, passes, logits):
        network = build()
        for shape, trains in passes:
            _pass(component, network, torch.zeros(min(shape[0], FEW), *shape[1:]), logits, training=trains)
    return f"logits {_shape((training[0], logits, *training[2:]))}, {sum(sizes):,} parameters that train"


def _passes_without_content(
    component: OwnComponent, network: nn.Module, passes: list[tuple[torch.Size, bool]], logits: int
) -> bool:
    """Whether all passes could be made on the device `meta`; a wrong output is refused there and then."""
    try:
        network = network.to("meta")
        outputs = [_forward(network, torch.empty(shape, device="meta"), trains) for shape, trains in passes]
    except Exception:  # whatever it is, the pass that is computed says it better, or shows that all is well
        return False
    for (shape, trains), found in zip(passes, outputs, strict=True):
        _check_outputs(component, found, shape, logits, training=trains)
    return True


def _pass(component: OwnComponent, network: nn.Module, images: torch.Tensor, logits: int, *, training: bool) -> None:
    mode = "training" if training else "evaluation"
    expected = f"It takes float32 images {_shape(images.shape)}: sides of all batches are multiples of 32"
    with component.calls(f"a pass of images {_shape(images.shape)} in {mode}", expected):
        outputs = _forward(network, images, training)
    _check_outputs(component, outputs, images.shape, logits, training=training)


def _forward(network: nn.Module, images: torch.Tensor, training: bool) -> Any:
    with torch.no_grad():
        return network.train(training)(images)


def _check_outputs(component: OwnComponent, outputs: Any, shape: torch.Size, logits: int, *, training: bool) -> None:
    wanted = torch.Size((shape[0], logits, *shape[2:]))
    remedy = f"Let it give logits {_shape(wanted)} of float32 for images {_shape(shape)}" + (
        ', or in training {"main": logits, "aux": [logits, ...]}' if training else ""
    )
    is_auxiliary = training and isinstance(outputs, dict) and outputs.keys() == {"main", "aux"}
    if not (torch.is_tensor(outputs) or is_auxiliary):
        mode = "training" if training else "evaluation"
        raise component.problem(f"the network gives {_kind(outputs)} in {mode}", remedy)
    for found in tensors_of(outputs):
        if found.shape != wanted:
            smaller = found.ndim == 4 and found.shape[:2] == wanted[:2]
            scale = ". torch.nn.functional.interpolate brings them to the size of the images" if smaller else ""
            raise component.problem(f"the network gives {_shape(found.shape)}", remedy + scale)
        if not found.is_floating_point():
            raise component.problem(f"the network gives {found.dtype}", f"{remedy}, not classes")


def _kind(value: Any) -> str:
    """What something is, for a problem: its type, and the keys of a mapping."""
    keys = f" with the keys {', '.join(map(str, value))}" if isinstance(value, dict) else ""
    return f"{type(value).__module__}.{type(value).__qualname__}{keys}".removeprefix("builtins.")


def _shape(shape: Any) -> str:
    return str(tuple(shape))
