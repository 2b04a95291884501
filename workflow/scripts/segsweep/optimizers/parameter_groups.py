"""Parameter groups: which weights decay, and which part of the network trains at which share of the learning rate."""

from typing import Any

from torch import nn

from segsweep.config.components import Optimizer
from segsweep.errors import InputError
from segsweep.models.parts import part_of


def parameter_groups(settings: Optimizer, model: nn.Module) -> list[dict[str, Any]]:
    """The trainable parameters of a network, those that are treated alike in one group, in the network's order.

    A group has "params", and where the settings ask for it "weight_decay" 0, the "part" of the network that it belongs
    to, and "lr_factor", by which the training loop multiplies the learning rate of each step.

    Raises:
        InputError: the settings treat the encoder apart, and the network has none.

    Source: the groups without decay as in He et al. 2019, "Bag of tricks for image classification", section 3.1 ("no
    bias decay").
    """
    groups: dict[tuple, dict[str, Any]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            own = _treatment(settings, name, parameter)
            groups.setdefault(tuple(own.items()), {"params": []} | own)["params"].append(parameter)
    if settings.names_parts and not any(group["part"] == "encoder" for group in groups.values()):
        raise InputError(
            f"optimizer: freeze and lr_factor speak of an encoder, and no parameter of {type(model).__name__} lies "
            "under an attribute named `encoder`; leave them out, or choose another model.arch"
        )
    return list(groups.values())


def _treatment(settings: Optimizer, name: str, parameter: nn.Parameter) -> dict[str, Any]:
    """What sets the group of a parameter apart; nothing where all parameters are treated alike."""
    own: dict[str, Any] = {}
    if settings.weight_decay_on == "weights" and (parameter.ndim <= 1 or name.endswith(".bias")):
        own["weight_decay"] = 0.0
    if settings.names_parts:
        part = part_of(name)
        factor = getattr(settings.lr_factor, part)
        own |= {"part": part, "lr": settings.lr * factor, "lr_factor": factor}
    return own
