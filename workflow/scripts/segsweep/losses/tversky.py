"""Tversky loss."""

import torch
from torch import nn

from segsweep.config import losses as settings
from segsweep.losses.overlap import counts, occurring, one_minus, ratio


class Tversky(nn.Module):
    """(1 - (TP + s) / (TP + alpha FP + beta FN + s))^gamma, mean over the classes that occur in the batch.

    alpha = beta = 0.5 is Dice, alpha = beta = 1 is Jaccard. One logit: the foreground alone.

    Source: Salehi et al. 2017, "Tversky loss function for image segmentation", eq. 4; gamma: Abraham and Khan 2019,
    "A novel focal Tversky loss function", eq. 4 (whose exponent is 1 / gamma there).
    """

    def __init__(self, alpha: float = 0.5, beta: float = 0.5, gamma: float = 1.0, smooth: float = 0.0):
        super().__init__()
        self.alpha, self.beta, self.gamma, self.smooth = alpha, beta, gamma, smooth

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        positives, false, missed = counts(logits, target)
        score = ratio(positives, positives + self.alpha * false + self.beta * missed, self.smooth)
        return one_minus(score, occurring(positives, missed), self.gamma)


def build(term: settings.Tversky, classes: int, class_weights: torch.Tensor | None = None) -> nn.Module:
    """Class weights do not apply: each class that occurs counts the same."""
    return Tversky(term.alpha, term.beta, term.gamma, term.smooth)
