"""Binary cross entropy."""

from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional as F

from segsweep.config.components import Term
from segsweep.config.settings import key
from segsweep.losses import require_binary
from segsweep.losses.pixels import VOID, mean


class BceSettings(Term):
    """Binary cross entropy of a binary output."""

    title: ClassVar[str] = "Binary cross entropy"
    pixel_mean: ClassVar[bool] = True

    pos_weight: float = key(1.0, "Factor of foreground pixels.", gt=0, title="weight of the foreground")


class Bce(nn.Module):
    """Mean over the valid pixels of -(pos_weight * y * log p + (1 - y) * log(1 - p)), as torch's; binary output."""

    def __init__(self, pos_weight: float = 1.0):
        super().__init__()
        self.register_buffer("pos_weight", torch.tensor(pos_weight), persistent=False)

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        valid = (target != VOID).float()
        losses = F.binary_cross_entropy_with_logits(
            logits[:, 0].float(), (target == 1).float(), weight=valid, pos_weight=self.pos_weight, reduction="none"
        )
        return mean(losses, valid)


def build(term: BceSettings, classes: int, class_weights: torch.Tensor | None = None) -> nn.Module:
    """Class weights do not apply: `pos_weight` replaces them."""
    require_binary("loss term bce", classes, "use cross_entropy")
    return Bce(term.pos_weight)
