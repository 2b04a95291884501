"""Pixels by class of the ground truth and predicted class, counted on the device: what scores of masks are made of."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from segsweep.data.void import VOID
from segsweep.network_outputs import main_logits


def confusion(predicted: torch.Tensor, masks: torch.Tensor, classes: int) -> torch.Tensor:
    """Counts of each image of a batch.

    Args:
        predicted: int64 (B, H, W), 0 to classes - 1.
        masks: int64 (B, H, W), 0 to classes - 1, or 255 for void, which is not counted.
        classes: C.

    Returns:
        int64 (B, C, C) on the same device: image, class of the ground truth, predicted class.
    """
    batch, cells = len(masks), classes * classes
    image = torch.arange(batch, device=masks.device).view(-1, 1, 1)
    cell = image * cells + masks * classes + predicted
    # Void pixels fall into one further bin, as leaving them out would cost a copy of all others.
    cell = torch.where(masks != VOID, cell, batch * cells).flatten()
    # No bincount: a GPU has to be asked for the size of its result.
    counts = cell.new_zeros(batch * cells + 1).scatter_add_(0, cell, torch.ones_like(cell))
    return counts[:-1].view(batch, classes, classes)


def decide(logits: torch.Tensor) -> torch.Tensor:
    """int64 (B, H, W) of logits (B, C, H, W): the likeliest class; of a binary output 1 where it is above 0."""
    return (logits[:, 0] > 0).long() if logits.shape[1] == 1 else logits.argmax(dim=1)


class MaskCounter:
    """Confusions of a split and of each of its images, whose names are `names`."""

    def __init__(self, classes: int):
        self.classes = classes
        self.names: list[str] = []
        self._counts: list[torch.Tensor] = []

    def update(self, outputs: torch.Tensor | dict, batch: dict) -> None:
        """Count outputs of a network; `batch` with "mask" int64 (B, H, W) and "name"."""
        self._count(decide(main_logits(outputs)), batch)

    def add(self, predictions: Sequence[dict[str, Any]], batch: dict) -> None:
        """Count predictions, each with "mask" (H, W), as `Task.predict` gives them."""
        masks = torch.as_tensor(np.stack([one["mask"] for one in predictions])).long()
        self._count(masks.to(batch["mask"].device), batch)

    def _count(self, predicted: torch.Tensor, batch: dict) -> None:
        self.names += batch["name"]
        self._counts.append(confusion(predicted, batch["mask"], self.classes))

    def totals(self) -> dict[str, np.ndarray]:
        """{"confusion": int64 (C, C)} of all images."""
        return {"confusion": self.confusions().sum(0).cpu().numpy()}

    def images(self) -> dict[str, np.ndarray]:
        """{"names": (N,), "confusion": int64 (N, C, C)} of each image, in the order in which they came."""
        return {"names": np.array(self.names, dtype=str), "confusion": self.confusions().cpu().numpy()}

    def confusions(self) -> torch.Tensor:
        """int64 (N, C, C) of each image, on the device that counted."""
        empty = torch.zeros(0, self.classes, self.classes, dtype=torch.int64)
        return torch.cat(self._counts) if self._counts else empty
