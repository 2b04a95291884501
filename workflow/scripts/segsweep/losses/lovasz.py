"""Lovász-softmax and Lovász hinge."""

import torch
from torch import nn

from segsweep.config import losses as settings
from segsweep.losses.pixels import VOID


class Lovasz(nn.Module):
    """The Lovász extension of the Jaccard loss, of softmax errors over the classes that occur; one logit: of the hinge.

    Over the batch as one, or the mean over pictures (`per_image`). A batch without foreground has the hinge of its
    worst pixel, as in the authors' code.

    Own code, for the published ones sum prefixes in floating point: that has no deterministic version on a GPU, and
    their differences of near equal numbers lose half the digits on millions of pixels.

    Source: Berman et al. 2018, "The Lovász-softmax loss", eq. 8 to 12 and algorithm 1.
    """

    def __init__(self, per_image: bool = False):
        super().__init__()
        self.per_image = per_image

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        logits = logits.float()
        if self.per_image:
            pictures = zip(logits.split(1), target.split(1), strict=True)
            return torch.stack([lovasz(one, truth) for one, truth in pictures]).mean()
        return lovasz(logits, target)


def lovasz(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """float32 logits (B, C, H, W) and int64 target (B, H, W) to a scalar, all pixels as one set.

    Void pixels get the error 0: they are sorted behind all errors above 0, where they change nothing.
    """
    valid = (target != VOID).flatten()
    if logits.shape[1] == 1:
        truth = (target == 1).flatten()
        errors = torch.relu(1 - logits.flatten() * (2.0 * truth - 1))
        return extension(errors * valid, truth)
    probability = torch.softmax(logits, dim=1).movedim(1, 0).flatten(1)  # (C, B*H*W)
    target = target.flatten()
    truths = [target == label for label in range(len(probability))]
    losses = [
        extension((truth.float() - one).abs() * valid, truth)
        for one, truth, occurs in zip(probability, truths, torch.stack([t.any() for t in truths]).tolist(), strict=True)
        if occurs
    ]
    return torch.stack(losses).mean() if losses else (logits * 0).sum()


def extension(errors: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Sorted errors times the Lovász gradient of Jaccard, summed: float32 (P,), none below 0; truth bool (P,)."""
    errors, order = errors.sort(descending=True, stable=True)
    return (errors * gradient(truth[order])).sum()


def gradient(truth: torch.Tensor) -> torch.Tensor:
    """Growth of the Jaccard loss as pixels, from the worst on, turn wrong: float32 (P,) of the sorted truth, bool (P,).

    After i pixels the intersection I is what is left of the foreground, the union U is the foreground and the wrong
    background: a foreground pixel adds 1 / U, a background pixel I / (U - 1) - I / U = I / (U (U - 1)).
    """
    foreground = truth.sum()
    left = foreground - truth.cumsum(0)
    union = foreground + (~truth).cumsum(0)
    grown = torch.where(truth, 1.0, left / (union - 1).clamp_min(1)) / union.clamp_min(1)
    # Without foreground the first wrong pixel takes the loss from 0 to 1, and no further one adds to it.
    first = torch.arange(len(truth), device=truth.device) == 0
    return torch.where((foreground == 0) & first, 1.0, grown)


def build(term: settings.Lovasz, classes: int, class_weights: torch.Tensor | None = None) -> nn.Module:
    """Class weights do not apply: each class that occurs counts the same."""
    return Lovasz(term.per_image)
