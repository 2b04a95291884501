"""Tversky loss."""

from typing import ClassVar

import torch
from torch import nn

from segsweep.config.components import OverlapTerm
from segsweep.config.settings import key
from segsweep.losses.overlap import counts, entering, one_minus, ratio


class TverskySettings(OverlapTerm):
    """1 - Tversky index (Salehi et al. 2017), mean over the classes."""

    title: ClassVar[str] = "Tversky loss"

    alpha: float = key(0.5, "Weight of false positives.", ge=0)
    beta: float = key(0.5, "Weight of false negatives.", ge=0)
    gamma: float = key(1.0, "Exponent (focal Tversky).", gt=0)
    smooth: float = key(0.0, "s in (TP + s) / (TP + alpha FP + beta FN + s).", ge=0, revision=2)


class Tversky(nn.Module):
    """(1 - (TP + s) / (TP + alpha FP + beta FN + s))^gamma, soft counts over the whole batch, mean over the classes.

    alpha = beta = 1 is Jaccard, alpha = beta = 0.5 is Dice, whose s is twice that of here. Binary output: the
    foreground alone. A class without a pixel of ground truth is left out with s = 0, and counts with
    (alpha FP / (alpha FP + s))^gamma else; see `dice`.

    Source: Salehi et al. 2017, "Tversky loss function for image segmentation", eq. 4; gamma: Abraham and Khan 2019,
    "A novel focal Tversky loss function", eq. 4 (whose exponent is 1 / gamma there).
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        gamma: float = 1.0,
        smooth: float = 0.0,
        absent: str | None = None,
    ):
        super().__init__()
        self.alpha, self.beta, self.gamma = alpha, beta, gamma
        self.smooth, self.absent = smooth, absent

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        positives, false, missed = counts(logits, target)
        score = ratio(positives, positives + self.alpha * false + self.beta * missed, self.smooth)
        return one_minus(score, entering(positives, false, missed, self.smooth, self.absent), self.gamma)


def build(term: TverskySettings, classes: int, class_weights: torch.Tensor | None = None) -> nn.Module:
    """Class weights do not apply: each class counts the same."""
    return Tversky(term.alpha, term.beta, term.gamma, term.smooth, term.absent)
