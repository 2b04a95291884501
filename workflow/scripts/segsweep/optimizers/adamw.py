"""AdamW: Adam with weight decay apart from the gradient.

Source: Loshchilov and Hutter 2019, "Decoupled weight decay regularization", algorithm 2.
"""

from typing import Any, ClassVar, Literal

import torch

from segsweep.config.components import Beta, Optimizer
from segsweep.config.settings import key


class AdamWSettings(Optimizer):
    """AdamW: Adam with weight decay apart from the gradient."""

    title: ClassVar[str] = "AdamW"

    name: Literal["adamw"] = key("adamw", "AdamW.")
    betas: tuple[Beta, Beta] = key((0.9, 0.999), "Decay of the moments.")


def build(settings: AdamWSettings, parameter_groups: list[dict[str, Any]]) -> torch.optim.AdamW:
    """See `segsweep.optimizers`."""
    return torch.optim.AdamW(
        parameter_groups,
        lr=settings.lr,
        weight_decay=settings.weight_decay,
        betas=tuple(settings.betas),
        fused=True,
    )
