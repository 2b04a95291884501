"""Jaccard loss."""

from typing import ClassVar

import torch
from torch import nn

from segsweep.config.components import OverlapTerm
from segsweep.config.settings import key
from segsweep.losses.overlap import counts, entering, one_minus, ratio


class JaccardSettings(OverlapTerm):
    """1 - Jaccard index over the whole batch, mean over the classes."""

    title: ClassVar[str] = "Jaccard loss"

    smooth: float = key(0.0, "s in (TP + s) / (TP + FP + FN + s).", ge=0, revision=2)


class Jaccard(nn.Module):
    """1 - (TP + s) / (TP + FP + FN + s), soft counts over the whole batch, mean over the classes.

    Binary output: the foreground alone. A class without a pixel of ground truth is left out with s = 0, and counts
    with FP / (FP + s) else; see `dice`.

    Source: Rahman and Wang 2016, "Optimizing intersection-over-union in deep neural networks", eq. 3 to 5.
    """

    def __init__(self, smooth: float = 0.0, absent: str | None = None):
        super().__init__()
        self.smooth, self.absent = smooth, absent

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        positives, false, missed = counts(logits, target)
        score = ratio(positives, positives + false + missed, self.smooth)
        return one_minus(score, entering(positives, false, missed, self.smooth, self.absent))


def build(term: JaccardSettings, classes: int, class_weights: torch.Tensor | None = None) -> nn.Module:
    """Class weights do not apply: each class counts the same."""
    return Jaccard(term.smooth, term.absent)
