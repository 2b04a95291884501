"""Cross entropy."""

from typing import ClassVar

import torch
from torch import nn

from segsweep.config.components import Term
from segsweep.config.settings import key
from segsweep.losses.pixels import as_classes, cross_entropies, mean, pixel_weights


class CrossEntropySettings(Term):
    """Cross entropy over the classes."""

    title: ClassVar[str] = "Cross entropy"
    pixel_mean: ClassVar[bool] = True
    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "multitask")

    label_smoothing: float = key(0.0, "Share of the target that is spread over all classes.", ge=0, lt=1)


class CrossEntropy(nn.Module):
    """Weighted mean of the pixels' cross entropies: sum of w * loss over sum of w, as torch's.

    Of a binary output it is binary cross entropy; weights are then of background and foreground.
    """

    def __init__(self, label_smoothing: float = 0.0, weight: torch.Tensor | None = None):
        super().__init__()
        self.label_smoothing = label_smoothing
        self.register_buffer("weight", weight, persistent=False)

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        losses = cross_entropies(as_classes(logits), target, self.weight, self.label_smoothing)
        return mean(losses, pixel_weights(target, self.weight))


def build(term: CrossEntropySettings, classes: int, class_weights: torch.Tensor | None = None) -> nn.Module:
    return CrossEntropy(term.label_smoothing, class_weights)
