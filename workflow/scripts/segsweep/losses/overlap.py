"""Soft counts of overlap between probabilities and ground truth, for losses that are one minus a coefficient."""

import torch

from segsweep.losses.pixels import VOID


def counts(logits: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Soft true positives, false positives and false negatives of each class over the valid pixels of a batch.

    Args:
        logits: (B, C, H, W) of any floating type; C = 1 means a binary output, whose only class is the foreground.
        target: int64 (B, H, W), 255 void.

    Returns:
        Three float32 tensors (C,).
    """
    logits = logits.float()
    valid = (target != VOID).unsqueeze(1)  # (B, 1, H, W)
    if logits.shape[1] == 1:
        probability, mask = torch.sigmoid(logits), (target == 1).unsqueeze(1)
    else:
        probability = torch.softmax(logits, dim=1)
        classes = torch.arange(logits.shape[1], device=target.device).view(1, -1, 1, 1)
        mask = target.unsqueeze(1) == classes  # (B, C, H, W); void equals no class
    over = (0, 2, 3)
    positives = (probability * mask).sum(over)
    return positives, (probability * valid).sum(over) - positives, mask.sum(over) - positives


def one_minus(scores: torch.Tensor, occurs: torch.Tensor, gamma: float = 1.0) -> torch.Tensor:
    """Mean of (1 - score)^gamma over the classes that occur in the ground truth; 0, with gradients of 0, if none does.

    `scores` float32 (C,), `occurs` bool (C,).
    """
    losses = 1 - scores
    if gamma != 1.0:
        losses = losses.clamp_min(1e-7) ** gamma  # a power below 1 has no finite slope at 0
    return torch.where(occurs, losses, 0.0).sum() / occurs.sum().clamp_min(1)


def ratio(numerator: torch.Tensor, denominator: torch.Tensor, smooth: float) -> torch.Tensor:
    """(numerator + smooth) / (denominator + smooth), finite where both are 0."""
    return (numerator + smooth) / (denominator + smooth).clamp_min(1e-7)


def occurring(positives: torch.Tensor, missed: torch.Tensor) -> torch.Tensor:
    """bool (C,): classes with at least one pixel of ground truth."""
    return (positives + missed).detach() > 0.5
