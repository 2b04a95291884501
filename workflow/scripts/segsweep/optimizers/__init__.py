"""Optimizers, a file each: a class of settings, and

build(settings, parameter_groups) -> torch.optim.Optimizer

`parameter_groups` is a list of dictionaries as torch takes them. Fused implementations are asked for: one kernel for
all weights instead of several for each.
"""

import torch
from torch import nn

from segsweep import registry
from segsweep.config.components import Optimizer
from segsweep.optimizers.parameter_groups import parameter_groups


def build_optimizer(settings: Optimizer, model: nn.Module, criterion: nn.Module) -> torch.optim.Optimizer:
    """The optimizer over the model's weights, and the criterion's own (without decay) where it has some."""
    groups = parameter_groups(settings, model)
    learned = [p for p in criterion.parameters() if p.requires_grad]
    if learned:
        groups.append({"params": learned, "weight_decay": 0.0})
    return registry.load(settings).build(settings, groups)
