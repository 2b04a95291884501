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


def one_minus(scores: torch.Tensor, enters: torch.Tensor, gamma: float = 1.0) -> torch.Tensor:
    """Mean of (1 - score)^gamma over the classes that enter it; 0, with gradients of 0, if none does.

    `scores` float32 (C,), `enters` bool (C,).
    """
    losses = 1 - scores
    if gamma != 1.0:
        losses = losses.clamp_min(1e-7) ** gamma  # a power below 1 has no finite slope at 0
    return torch.where(enters, losses, 0.0).sum() / enters.sum().clamp_min(1)


def ratio(numerator: torch.Tensor, denominator: torch.Tensor, smooth: float) -> torch.Tensor:
    """(numerator + smooth) / (denominator + smooth), finite where both are 0."""
    return (numerator + smooth) / (denominator + smooth).clamp_min(1e-7)


def entering(
    positives: torch.Tensor, false: torch.Tensor, missed: torch.Tensor, smooth: float, absent: str | None
) -> torch.Tensor:
    """bool (C,): the classes whose losses enter the mean.

    Args:
        positives, false, missed: see `counts`.
        smooth: of the loss.
        absent: what a class without a pixel of ground truth does. `skip` leaves it out, as (0 + 0) / (FP + 0) says
            nothing. `count` lets it enter with s / (FP + s), all classes then, unless all pixels are void. None counts
            it if `smooth` is above 0.
    """
    if absent == "skip" or (absent is None and smooth == 0):
        return occurring(positives, missed)
    return ((positives + false + missed).detach().sum() > 0).expand(len(positives))


def occurring(positives: torch.Tensor, missed: torch.Tensor) -> torch.Tensor:
    """bool (C,): classes with at least one pixel of ground truth."""
    return (positives + missed).detach() > 0.5
