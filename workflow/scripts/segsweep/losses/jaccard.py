"""Jaccard loss."""

from typing import ClassVar

import torch
from torch import nn

from segsweep.config.components import Term
from segsweep.config.settings import key
from segsweep.losses.overlap import counts, occurring, one_minus, ratio


class JaccardSettings(Term):
    """1 - Jaccard index over the whole batch, mean over the classes that occur."""

    title: ClassVar[str] = "Jaccard loss"

    smooth: float = key(0.0, "Added to numerator and denominator.", ge=0)


class Jaccard(nn.Module):
    """1 - (TP + s) / (TP + FP + FN + s), soft counts over the whole batch, mean over the classes that occur in it.

    Binary output: the foreground alone; 0 for a batch without foreground.

    Source: Rahman and Wang 2016, "Optimizing intersection-over-union in deep neural networks", eq. 3 to 5.
    """

    def __init__(self, smooth: float = 0.0):
        super().__init__()
        self.smooth = smooth

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        positives, false, missed = counts(logits, target)
        score = ratio(positives, positives + false + missed, self.smooth)
        return one_minus(score, occurring(positives, missed))


def build(term: JaccardSettings, classes: int, class_weights: torch.Tensor | None = None) -> nn.Module:
    """Class weights do not apply: each class that occurs counts the same."""
    return Jaccard(term.smooth)
