"""Binary cross entropy and Dice mixed."""

from typing import ClassVar

import torch
from torch import nn

from segsweep.config.components import Term
from segsweep.config.settings import key
from segsweep.losses import require_binary
from segsweep.losses.bce import Bce
from segsweep.losses.dice import Dice


class BceDiceSettings(Term):
    """bce_weight * BCE + (1 - bce_weight) * Dice, for a binary output."""

    title: ClassVar[str] = "BCE and Dice"

    bce_weight: float = key(0.5, "Share of BCE; the rest is Dice.", ge=0, le=1, title="BCE weight")
    dice_smooth: float = key(1e-6, "Added to numerator and denominator of Dice.", ge=0, title="Dice smoothing")
    pos_weight: float = key(1.0, "Factor of foreground pixels in BCE.", gt=0, title="weight of the foreground")


class BceDice(nn.Module):
    """bce_weight * BCE + (1 - bce_weight) * Dice; binary output. See `bce` and `dice`."""

    def __init__(self, bce_weight: float = 0.5, dice_smooth: float = 1e-6, pos_weight: float = 1.0):
        super().__init__()
        self.bce_weight = bce_weight
        self.bce = Bce(pos_weight)
        self.dice = Dice(dice_smooth)

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return self.bce_weight * self.bce(logits, target) + (1 - self.bce_weight) * self.dice(logits, target)


def build(term: BceDiceSettings, classes: int, class_weights: torch.Tensor | None = None) -> nn.Module:
    """Class weights do not apply: `pos_weight` replaces them."""
    require_binary("loss term bce_dice", classes, "use cross_entropy and dice")
    return BceDice(term.bce_weight, term.dice_smooth, term.pos_weight)
