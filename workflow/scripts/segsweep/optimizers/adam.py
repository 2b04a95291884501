"""Adam; weight decay is added to the gradient.

Source: Kingma and Ba 2015, "Adam: a method for stochastic optimization", algorithm 1.
"""

from typing import Any, ClassVar, Literal

import torch

from segsweep.config.components import Beta, Optimizer
from segsweep.config.settings import key


class AdamSettings(Optimizer):
    """Adam; weight decay is added to the gradient."""

    title: ClassVar[str] = "Adam"

    name: Literal["adam"] = key("adam", "Adam.")
    betas: tuple[Beta, Beta] = key((0.9, 0.999), "Decay of the moments.")


def build(settings: AdamSettings, parameter_groups: list[dict[str, Any]]) -> torch.optim.Adam:
    """See `segsweep.optimizers`."""
    return torch.optim.Adam(
        parameter_groups,
        lr=settings.lr,
        weight_decay=settings.weight_decay,
        betas=tuple(settings.betas),
        fused=True,
    )
