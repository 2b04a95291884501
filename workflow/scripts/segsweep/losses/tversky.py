"""Tversky loss."""

from typing import ClassVar

import torch
from torch import nn

from segsweep.config.components import Term
from segsweep.config.settings import key
from segsweep.losses.overlap import counts, occurring, one_minus, ratio


class TverskySettings(Term):
    """1 - Tversky index (Salehi et al. 2017), mean over the classes that occur."""

    title: ClassVar[str] = "Tversky loss"

    alpha: float = key(0.5, "Weight of false positives.", ge=0)
    beta: float = key(0.5, "Weight of false negatives.", ge=0)
    gamma: float = key(1.0, "Exponent (focal Tversky).", gt=0)
    smooth: float = key(0.0, "Added to numerator and denominator.", ge=0)


class Tversky(nn.Module):
    """(1 - (TP + s) / (TP + alpha FP + beta FN + s))^gamma, mean over the classes that occur in the batch.

    alpha = beta = 0.5 is Dice, alpha = beta = 1 is Jaccard. Binary output: the foreground alone.

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


def build(term: TverskySettings, classes: int, class_weights: torch.Tensor | None = None) -> nn.Module:
    """Class weights do not apply: each class that occurs counts the same."""
    return Tversky(term.alpha, term.beta, term.gamma, term.smooth)
