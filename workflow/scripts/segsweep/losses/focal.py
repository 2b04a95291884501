"""Focal loss."""

from typing import ClassVar

import torch
from torch import nn

from segsweep.config.components import Term
from segsweep.config.settings import key
from segsweep.losses import require_binary
from segsweep.losses.pixels import as_classes, cross_entropies, mean, pixel_weights

TINY = 1e-12  # a power below 1 has no finite slope at 0


class FocalSettings(Term):
    """Focal loss (Lin et al. 2017), for a binary output or for classes."""

    title: ClassVar[str] = "Focal loss"
    pixel_mean: ClassVar[bool] = True

    gamma: float = key(2.0, "Exponent; 0 is cross entropy.", ge=0)
    alpha: float | None = key(
        None, "Weight of the foreground (binary output only); 1 - alpha for the background.", ge=0, le=1
    )


class Focal(nn.Module):
    """Mean over the valid pixels of -(1 - p)^gamma log p, p the probability of the true class.

    With class weights the weighted mean, as in cross entropy, which it equals for gamma 0. With `alpha`, foreground
    pixels are multiplied by alpha and background pixels by 1 - alpha, and the mean is over pixels, not over weights.

    Source: Lin et al. 2017, "Focal loss for dense object detection", eq. 4 and 5.
    """

    def __init__(self, gamma: float = 2.0, alpha: float | None = None, weight: torch.Tensor | None = None):
        super().__init__()
        self.gamma = gamma
        self.register_buffer("weight", weight, persistent=False)
        self.register_buffer("alpha", None if alpha is None else torch.tensor([1 - alpha, alpha]), persistent=False)

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        losses = cross_entropies(as_classes(logits), target)
        # expm1, for 1 - p of a sure pixel loses its digits.
        losses = (-torch.expm1(-losses)).clamp_min(TINY) ** self.gamma * losses
        weights = pixel_weights(target, self.weight)
        balance = weights if self.alpha is None else weights * pixel_weights(target, self.alpha)
        return mean(losses * balance, weights)


def build(term: FocalSettings, classes: int, class_weights: torch.Tensor | None = None) -> nn.Module:
    if term.alpha is not None:
        require_binary("loss term focal.alpha", classes, "use class_weights for several classes")
    return Focal(term.gamma, term.alpha, class_weights)
