"""The DB loss: probability, threshold and approximate binary map against targets made from polygons."""

from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional as F

from segsweep.config.components import Loss
from segsweep.config.settings import key
from segsweep.losses.pixels import smoothed
from segsweep.text.targets import Targets

EPS = 1e-6


class DbSettings(Loss):
    """Weights of the three parts of the DB loss (Liao et al. 2020, eq. 5)."""

    revision: ClassVar[int] = 2  # words are measured along the image's axes
    title: ClassVar[str] = "DB loss"

    shrink: float = key(5.0, "Weight of the probability map's loss (BCE with hard negatives).", ge=0)
    threshold: float = key(10.0, "Weight of the threshold map's L1 loss.", ge=0)
    binary: float = key(1.0, "Weight of the approximate binary map's Dice loss.", ge=0)
    negative_ratio: float = key(3.0, "Hard negatives for each positive pixel.", gt=0)
    label_smoothing: float = key(0.0, "a in the target y (1 - a) + a / 2 of the probability map's loss.", ge=0, lt=1)


def hard_negative_bce(
    logits: torch.Tensor,
    target: torch.Tensor,
    mask: torch.Tensor,
    pixels: tuple[int, int],
    ratio: float,
    label_smoothing: float = 0.0,
) -> torch.Tensor:
    """Binary cross entropy over all positives and the hardest negatives, `ratio` times as many at most.

    All (B, H, W): `logits` float, `target` 0 or 1, `mask` 1 where pixels count. `pixels`: positives and negatives that
    count in the whole batch, said so that no GPU is asked for them. Returns a scalar; 0 for a batch without positives.

    Source: Liao et al. 2020, eq. 7; the authors' BalanceCrossEntropyLoss.
    """
    positive = target * mask
    negative = (1 - target) * mask
    positives = pixels[0]
    negatives = min(pixels[1], int(positives * ratio))
    labels = smoothed(target, label_smoothing)
    losses = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    hardest = torch.topk((losses * negative).flatten(), negatives).values
    return ((losses * positive).sum() + hardest.sum()) / (positives + negatives + EPS)


def masked_dice(prediction: torch.Tensor, target: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """1 - Dice coefficient over the batch, where `mask` is 1. All (B, H, W), prediction in 0..1. Returns a scalar.

    Source: Milletari et al. 2016, as in the authors' DiceLoss.
    """
    prediction, target = prediction * mask, target * mask
    return 1 - 2 * (prediction * target).sum() / (prediction.sum() + target.sum() + EPS)


def masked_l1(prediction: torch.Tensor, target: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference where `mask` is 1; 0 if it is nowhere. All (B, H, W). Returns a scalar.

    Source: Liao et al. 2020, eq. 8.
    """
    return ((prediction - target).abs() * mask).sum() / (mask.sum() + EPS)


class DbLoss(nn.Module):
    """shrink * BCE + threshold * L1 + binary * Dice (Liao et al. 2020, eq. 6).

    `forward(outputs, batch)`: `outputs` a dict of maps (B, 1, H, W), "logits" and, where the threshold was computed,
    "threshold" and "binary" in 0..1; `batch` with what `text.targets.batch_targets` adds. Returns "loss" and its
    weighted parts "shrink", "threshold", "binary".
    """

    def __init__(self, weights: DbSettings):
        super().__init__()
        self.weights = weights

    def forward(self, outputs: dict[str, torch.Tensor], batch: dict) -> dict[str, torch.Tensor]:
        logits = outputs["logits"][:, 0].float()
        shrink, shrink_mask, border, border_mask = (batch[name].float() for name in Targets._fields)
        weights = self.weights
        pixels = tuple(map(sum, zip(*batch["teaching_pixels"], strict=True)))  # of words, of others
        bce = hard_negative_bce(logits, shrink, shrink_mask, pixels, weights.negative_ratio, weights.label_smoothing)
        parts = {"shrink": weights.shrink * bce}
        if "threshold" in outputs:
            threshold, binary = (outputs[name][:, 0].float() for name in ("threshold", "binary"))
            parts["threshold"] = weights.threshold * masked_l1(threshold, border, border_mask)
            parts["binary"] = weights.binary * masked_dice(binary, shrink, shrink_mask)
        return {"loss": sum(parts.values()), **parts}
