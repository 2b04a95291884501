"""Dice loss."""

from typing import ClassVar

import torch
from torch import nn

from segsweep.config.components import OverlapTerm
from segsweep.config.settings import key
from segsweep.losses.overlap import counts, entering, one_minus, ratio


class DiceSettings(OverlapTerm):
    """1 - Dice coefficient over the whole batch, mean over the classes."""

    title: ClassVar[str] = "Dice loss"

    smooth: float = key(0.0, "s in (2 TP + s) / (2 TP + FP + FN + s).", ge=0, revision=2)


class Dice(nn.Module):
    """1 - (2 TP + s) / (2 TP + FP + FN + s), soft counts over the whole batch, mean over the classes.

    Binary output: the foreground alone. A class without a pixel of ground truth is left out with s = 0, and counts
    with FP / (FP + s) else, as `absent` says (`segsweep.losses.overlap.entering`): a binary output without foreground
    has the loss 0 or that. docs/losses.md compares with segmentation_models_pytorch, MONAI and Keras.

    Source: Milletari et al. 2016, "V-Net", with linear instead of squared sums.
    """

    def __init__(self, smooth: float = 0.0, absent: str | None = None):
        super().__init__()
        self.smooth, self.absent = smooth, absent

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        positives, false, missed = counts(logits, target)
        score = ratio(2 * positives, 2 * positives + false + missed, self.smooth)
        return one_minus(score, entering(positives, false, missed, self.smooth, self.absent))


def build(term: DiceSettings, classes: int, class_weights: torch.Tensor | None = None) -> nn.Module:
    """Class weights do not apply: each class counts the same."""
    return Dice(term.smooth, term.absent)
