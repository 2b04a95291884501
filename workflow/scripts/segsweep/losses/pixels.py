"""What the losses that are a mean over pixels have in common."""

import torch
from torch.nn import functional as F

from segsweep.data.void import VOID


def as_classes(logits: torch.Tensor) -> torch.Tensor:
    """Logits in float32; a binary output x (B, 1, H, W) becomes (0, x), (B, 2, H, W), whose softmax is sigmoid(x)."""
    logits = logits.float()
    return torch.cat([torch.zeros_like(logits), logits], dim=1) if logits.shape[1] == 1 else logits


def cross_entropies(
    logits: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None = None, label_smoothing: float = 0.0
) -> torch.Tensor:
    """Cross entropy of each pixel, times its class's weight; 0 where void.

    Args:
        logits: float32 (B, C, H, W), C of 2 or more.
        target: int64 (B, H, W), 0 to C - 1 or 255.
        weight: float32 (C,) or None.
        label_smoothing: share a of the target that is spread over all classes, with torch's weights w: of a pixel of
            the class y, -(1 - a) w_y log p_y - a / C * (sum over classes of w_c log p_c).

    Returns:
        float32 (B, H, W). (A reduction inside torch has no deterministic version on a GPU.)
    """
    return F.cross_entropy(
        logits, target, weight, ignore_index=VOID, reduction="none", label_smoothing=label_smoothing
    )  # fmt: skip


def smoothed(labels: torch.Tensor, label_smoothing: float) -> torch.Tensor:
    """Labels 0 and 1 of a binary output, drawn towards 1 / 2: y (1 - a) + a / 2."""
    return labels * (1 - label_smoothing) + label_smoothing / 2


def pixel_weights(target: torch.Tensor, weight: torch.Tensor | None) -> torch.Tensor:
    """float32 (B, H, W): the weight of each pixel's class, 1 without weights, 0 where void."""
    valid = target != VOID
    if weight is None:
        return valid.float()
    return torch.where(valid, weight[target.masked_fill(~valid, 0)], 0.0)


def mean(losses: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Sum of the losses over the sum of the weights; 0, with gradients of 0, where all weights are 0."""
    total = weights.sum()
    return losses.sum() / torch.where(total > 0, total, 1.0)
