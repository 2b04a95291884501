"""Binary cross entropy."""

from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional as F

from segsweep.config.components import Term
from segsweep.config.settings import key
from segsweep.losses.pixels import VOID, mean, smoothed


class BceSettings(Term):
    """Binary cross entropy of a binary output."""

    title: ClassVar[str] = "Binary cross entropy"
    pixel_mean: ClassVar[bool] = True
    tasks: ClassVar[tuple[str, ...]] = ("binary", "multilabel")

    pos_weight: float = key(1.0, "Factor of foreground pixels.", gt=0, title="weight of the foreground")
    label_smoothing: float = key(0.0, "a in the target y (1 - a) + a / 2.", ge=0, lt=1)


class Bce(nn.Module):
    """Mean over the valid pixels of -(pos_weight * y * log p + (1 - y) * log(1 - p)), as torch's; binary output.

    With `label_smoothing` a, y is a / 2 for background and 1 - a / 2 for foreground, as Keras's BinaryCrossentropy has
    it. A factor of two apart: SoftBCEWithLogitsLoss of segmentation_models_pytorch has `smooth_factor` and 1 less it.
    """

    def __init__(self, pos_weight: float = 1.0, label_smoothing: float = 0.0):
        super().__init__()
        self.label_smoothing = label_smoothing
        self.register_buffer("pos_weight", torch.tensor(pos_weight), persistent=False)

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        valid = (target != VOID).float()
        labels = smoothed((target == 1).float(), self.label_smoothing)
        losses = F.binary_cross_entropy_with_logits(
            logits[:, 0].float(), labels, weight=valid, pos_weight=self.pos_weight, reduction="none"
        )
        return mean(losses, valid)


def build(term: BceSettings, classes: int, class_weights: torch.Tensor | None = None) -> nn.Module:
    """Class weights do not apply: `pos_weight` replaces them."""
    return Bce(term.pos_weight, term.label_smoothing)
