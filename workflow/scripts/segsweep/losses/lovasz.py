"""Lovász-softmax and Lovász hinge."""

from typing import ClassVar

import torch
from torch import nn

from segsweep.config.components import Term
from segsweep.config.settings import key
from segsweep.losses.pixels import VOID
from segsweep.losses.present_classes import Present


class LovaszSettings(Term):
    """Lovász-softmax over classes, Lovász hinge for a binary output (Berman et al. 2018)."""

    title: ClassVar[str] = "Lovász loss"
    asks_present: ClassVar[bool] = True

    per_image: bool = key(False, "Mean over images instead of the batch as one.")


class Lovasz(nn.Module):
    """Lovász extension of the Jaccard loss: of softmax errors over the classes that occur; binary output: of the hinge.

    Over the batch as one, or the mean over images (`per_image`). A batch without foreground has the hinge of its
    worst pixel, as in the authors' code.

    Own code, for the published ones sum prefixes in floating point: that has no deterministic version on a GPU, and
    their differences of near equal numbers lose half the digits on millions of pixels.

    Source: Berman et al. 2018, "The Lovász-softmax loss", eq. 8 to 12 and algorithm 1.
    """

    def __init__(self, per_image: bool = False):
        super().__init__()
        self.per_image = per_image

    def forward(self, logits: torch.Tensor, target: torch.Tensor, present: Present | None = None) -> torch.Tensor:
        logits = logits.float()
        if self.per_image:
            images = zip(logits.split(1), target.split(1), present or [None] * len(target), strict=True)
            return torch.stack([lovasz(one, mask, classes and [classes]) for one, mask, classes in images]).mean()
        return lovasz(logits, target, present)


def lovasz(logits: torch.Tensor, target: torch.Tensor, present: Present | None = None) -> torch.Tensor:
    """float32 logits (B, C, H, W) and int64 target (B, H, W) to a scalar, all pixels as one set.

    `present`: the classes of each image; None looks into the target, which is to wait for a GPU.
    Void pixels get the error 0: they are sorted behind all errors above 0, where they change nothing.
    """
    valid = (target != VOID).flatten()
    if logits.shape[1] == 1:
        mask = (target == 1).flatten()
        errors = torch.relu(1 - logits.flatten() * (2.0 * mask - 1))
        return extension(errors * valid, mask)
    probability = torch.softmax(logits, dim=1).movedim(1, 0).flatten(1)  # (C, B*H*W)
    target = target.flatten()
    classes = target.unique().tolist() if present is None else set().union(*present)
    masks = {label: target == label for label in range(len(probability)) if label in classes}
    losses = [extension((mask.float() - probability[label]).abs() * valid, mask) for label, mask in masks.items()]
    return torch.stack(losses).mean() if losses else (logits * 0).sum()


def extension(errors: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Sorted errors times the Lovász gradient of Jaccard, summed: float32 (P,), none below 0; mask bool (P,)."""
    errors, order = errors.sort(descending=True, stable=True)
    return (errors * gradient(mask[order])).sum()


def gradient(mask: torch.Tensor) -> torch.Tensor:
    """Growth of the Jaccard loss as pixels, from the worst on, turn wrong: float32 (P,) of the sorted mask, bool (P,).

    After i pixels the intersection I is what is left of the foreground, the union U is the foreground and the wrong
    background: a foreground pixel adds 1 / U, a background pixel I / (U - 1) - I / U = I / (U (U - 1)).
    """
    foreground = mask.sum()
    left = foreground - mask.cumsum(0)
    union = foreground + (~mask).cumsum(0)
    grown = torch.where(mask, 1.0, left / (union - 1).clamp_min(1)) / union.clamp_min(1)
    # Without foreground the first wrong pixel takes the loss from 0 to 1, and no further one adds to it.
    first = torch.arange(len(mask), device=mask.device) == 0
    return torch.where((foreground == 0) & first, 1.0, grown)


def build(term: LovaszSettings, classes: int, class_weights: torch.Tensor | None = None) -> nn.Module:
    """Class weights do not apply: each class that occurs counts the same."""
    return Lovasz(term.per_image)
