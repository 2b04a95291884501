"""Losses and images for their tests."""

import torch

from segsweep import registry
from segsweep.config.losses import Terms

VOID = 255


def loss_of(name, classes, weights=None, **settings):
    """A loss as a study would name it."""
    term = getattr(Terms.model_validate({name: settings}), name)
    return registry.load(term).build(term, classes, weights)


def draw(classes, seed=0, void=0.1, size=(3, 9, 7)):
    """Logits and a target with void pixels in which each class occurs."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(size[0], classes, *size[1:], generator=generator)
    target = torch.randint(max(classes, 2), size, generator=generator)
    target[torch.rand(size, generator=generator) < void] = VOID
    return logits, target


def valid_only(logits, target):
    """The same pixels as one row of an image, without void: (1, C, 1, P) and (1, 1, P)."""
    kept = target != VOID
    return logits.movedim(1, -1)[kept].T[None, :, None], target[kept][None, None]


def jaccard_of_wrong(ground_truth, k):
    """Jaccard loss when the first k pixels of the sorted ground truth are predicted wrong."""
    inside = ground_truth[k:].sum()
    union = ground_truth.sum() + (1 - ground_truth[:k]).sum()
    return (1 - inside / union).item()
