"""Cross entropy over the hardest pixels."""

from typing import ClassVar

import torch
from torch import nn

from segsweep.config.components import Term
from segsweep.config.settings import key
from segsweep.losses.pixels import VOID, as_classes, cross_entropies, mean, pixel_weights


class OhemCrossEntropySettings(Term):
    """Cross entropy over the hardest pixels only (online hard example mining)."""

    title: ClassVar[str] = "OHEM cross entropy"
    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "multitask")

    thresh: float = key(0.7, "Pixels whose true class has at most this probability are hard.", gt=0, lt=1)
    min_kept: float = key(0.0625, "Share of the valid pixels that is kept at least.", gt=0, le=1)
    label_smoothing: float = key(0.0, "Share of the target that is spread over all classes.", ge=0, lt=1)


class OhemCrossEntropy(nn.Module):
    """Cross entropy, its mean taken over hard pixels only.

    A pixel is hard if the probability of its true class is at most `thresh`, or if it is among the share `min_kept` of
    the batch's valid pixels (rounded up) with the lowest probabilities. Hardness looks at neither class
    weights nor label smoothing.

    Source: Shrivastava et al. 2016, "Training region-based object detectors with online hard example mining"; for
    pixels as in the published code of BiSeNet.
    """

    def __init__(
        self,
        thresh: float = 0.7,
        min_kept: float = 0.0625,
        weight: torch.Tensor | None = None,
        label_smoothing: float = 0.0,
    ):
        super().__init__()
        self.thresh, self.min_kept, self.label_smoothing = thresh, min_kept, label_smoothing
        self.register_buffer("weight", weight, persistent=False)

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        logits = as_classes(logits)
        with torch.no_grad():
            hard = self.hard(cross_entropies(logits, target), target != VOID)
        losses = cross_entropies(logits, target, self.weight, self.label_smoothing)
        return mean(losses * hard, pixel_weights(target, self.weight) * hard)

    def hard(self, losses: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """bool (B, H, W) of float32 (B, H, W) and bool (B, H, W)."""
        probability = torch.where(valid, torch.exp(-losses), torch.inf)
        # Selected on the device: a number in brackets, and be it a tensor's, is waited for.
        kept = torch.ceil(valid.sum() * self.min_kept).long().clamp_min(1)
        bound = probability.flatten().sort().values.index_select(0, (kept - 1).reshape(1)).clamp_min(self.thresh)
        return valid & (probability <= bound)


def build(term: OhemCrossEntropySettings, classes: int, class_weights: torch.Tensor | None = None) -> nn.Module:
    return OhemCrossEntropy(term.thresh, term.min_kept, class_weights, term.label_smoothing)
