"""Dice loss."""

import torch
from torch import nn

from segsweep.config import losses as settings
from segsweep.losses.overlap import counts, occurring, one_minus, ratio


class Dice(nn.Module):
    """1 - (2 TP + s) / (2 TP + FP + FN + s), soft counts over the whole batch, mean over the classes that occur in it.

    One logit: the foreground alone; 0 for a batch without foreground.

    Source: Milletari et al. 2016, "V-Net", with linear instead of squared sums.
    """

    def __init__(self, smooth: float = 0.0):
        super().__init__()
        self.smooth = smooth

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        positives, false, missed = counts(logits, target)
        score = ratio(2 * positives, 2 * positives + false + missed, self.smooth)
        return one_minus(score, occurring(positives, missed))


def build(term: settings.Dice, classes: int, class_weights: torch.Tensor | None = None) -> nn.Module:
    """Class weights do not apply: each class that occurs counts the same."""
    return Dice(term.smooth)
