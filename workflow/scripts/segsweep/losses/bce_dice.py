"""Binary cross entropy and Dice mixed."""

import torch
from torch import nn

from segsweep.config import losses as settings
from segsweep.losses.bce import Bce
from segsweep.losses.dice import Dice
from segsweep.losses.one_logit import require_one_logit


class BceDice(nn.Module):
    """bce_weight * BCE + (1 - bce_weight) * Dice; one logit. See `bce` and `dice`."""

    def __init__(self, bce_weight: float = 0.5, dice_smooth: float = 1e-6, pos_weight: float = 1.0):
        super().__init__()
        self.bce_weight = bce_weight
        self.bce = Bce(pos_weight)
        self.dice = Dice(dice_smooth)

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return self.bce_weight * self.bce(logits, target) + (1 - self.bce_weight) * self.dice(logits, target)


def build(term: settings.BceDice, classes: int, class_weights: torch.Tensor | None = None) -> nn.Module:
    """Class weights do not apply: `pos_weight` is their place."""
    require_one_logit("loss term bce_dice", classes, "use cross_entropy and dice")
    return BceDice(term.bce_weight, term.dice_smooth, term.pos_weight)
