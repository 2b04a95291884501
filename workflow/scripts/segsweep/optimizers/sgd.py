"""Stochastic gradient descent, with momentum.

Source: Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning", section 2.
"""

from typing import Any, ClassVar, Literal

import torch

from segsweep.config.components import Optimizer
from segsweep.config.settings import key


class SGDSettings(Optimizer):
    """Stochastic gradient descent, with momentum."""

    title: ClassVar[str] = "SGD"

    name: Literal["sgd"] = key("sgd", "SGD.")
    momentum: float = key(0.9, "Momentum.", ge=0, lt=1)
    nesterov: bool = key(False, "Nesterov momentum.")


def build(settings: SGDSettings, parameter_groups: list[dict[str, Any]]) -> torch.optim.SGD:
    """See `segsweep.optimizers`."""
    return torch.optim.SGD(
        parameter_groups,
        lr=settings.lr,
        weight_decay=settings.weight_decay,
        momentum=settings.momentum,
        nesterov=settings.nesterov,
        fused=True,
    )
