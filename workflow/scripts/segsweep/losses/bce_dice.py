"""Binary cross entropy and Dice mixed."""

from typing import ClassVar, Literal

import torch
from torch import nn

from segsweep.config.components import Term
from segsweep.config.settings import key
from segsweep.losses.bce import Bce
from segsweep.losses.dice import Dice


class BceDiceSettings(Term):
    """bce_weight * BCE + (1 - bce_weight) * Dice, for a binary output."""

    title: ClassVar[str] = "BCE and Dice"
    revision: ClassVar[int] = 2
    tasks: ClassVar[tuple[str, ...]] = ("binary", "multilabel")

    bce_weight: float = key(0.5, "Share of BCE; the rest is Dice.", ge=0, le=1, title="BCE weight")
    dice_smooth: float = key(1e-6, "s in Dice's (2 TP + s) / (2 TP + FP + FN + s).", ge=0, title="Dice smoothing")
    dice_absent: Literal["skip", "count"] | None = key(
        None,
        "Dice of a batch without foreground: `skip` makes it 0, `count` FP / (FP + s); not set: `count` if dice_smooth "
        "is above 0.",
    )
    pos_weight: float = key(1.0, "Factor of foreground pixels in BCE.", gt=0, title="weight of the foreground")
    label_smoothing: float = key(0.0, "a in BCE's target y (1 - a) + a / 2; Dice's stays y.", ge=0, lt=1)


class BceDice(nn.Module):
    """bce_weight * BCE + (1 - bce_weight) * Dice; binary output. See `bce` and `dice`."""

    def __init__(self, bce: Bce, dice: Dice, bce_weight: float = 0.5):
        super().__init__()
        self.bce, self.dice, self.bce_weight = bce, dice, bce_weight

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return self.bce_weight * self.bce(logits, target) + (1 - self.bce_weight) * self.dice(logits, target)


def build(term: BceDiceSettings, classes: int, class_weights: torch.Tensor | None = None) -> nn.Module:
    """Class weights do not apply: `pos_weight` replaces them."""
    bce, dice = Bce(term.pos_weight, term.label_smoothing), Dice(term.dice_smooth, term.dice_absent)
    return BceDice(bce, dice, term.bce_weight)
