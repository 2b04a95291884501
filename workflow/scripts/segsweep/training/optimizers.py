"""Optimizers by name."""

import torch
from torch import nn

from segsweep.config.train import Optimizer


def build_optimizer(settings: Optimizer, model: nn.Module, criterion: nn.Module) -> torch.optim.Optimizer:
    """The optimizer over the model's weights, and the criterion's own (without decay) where it has some.

    Fused implementations: one kernel for all weights instead of several for each.
    """
    groups = [{"params": [p for p in model.parameters() if p.requires_grad]}]
    learned = [p for p in criterion.parameters() if p.requires_grad]
    if learned:
        groups.append({"params": learned, "weight_decay": 0.0})
    common = {"lr": settings.lr, "weight_decay": settings.weight_decay, "fused": True}
    if settings.name == "sgd":
        return torch.optim.SGD(groups, momentum=settings.momentum, nesterov=settings.nesterov, **common)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[settings.name]
    return kind(groups, betas=tuple(settings.betas), **common)
