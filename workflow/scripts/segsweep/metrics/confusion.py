"""Counts of pixels by true and predicted class, summed on the device: what all scores of masks are made of."""

import torch

VOID = 255


def confusion(predicted: torch.Tensor, truth: torch.Tensor, classes: int) -> torch.Tensor:
    """Counts of each picture of a batch.

    Args:
        predicted: int64 (B, H, W), 0 to classes - 1.
        truth: int64 (B, H, W), 0 to classes - 1, or 255 for void, which is not counted.
        classes: C.

    Returns:
        int64 (B, C, C) on the same device: picture, true class, predicted class.
    """
    batch, cells = len(truth), classes * classes
    picture = torch.arange(batch, device=truth.device).view(-1, 1, 1)
    cell = picture * cells + truth * classes + predicted
    # Void pixels fall into one further bin, as leaving them out would cost a copy of all others.
    cell = torch.where(truth != VOID, cell, batch * cells)
    return torch.bincount(cell.flatten(), minlength=batch * cells + 1)[:-1].view(batch, classes, classes)


class Confusion:
    """Counts of many pictures by name; those of one name are added up, so the patches of a page make one entry."""

    def __init__(self, classes: int):
        self.classes = classes
        self._names: list[str] = []
        self._counts: list[torch.Tensor] = []

    def update(self, predicted: torch.Tensor, truth: torch.Tensor, names: list[str]) -> None:
        """Count a batch; arguments as in `confusion`, and the pictures' names."""
        self._names += names
        self._counts.append(confusion(predicted, truth, self.classes))

    def total(self) -> torch.Tensor:
        """int64 (C, C) on the CPU: all pictures."""
        return self._stacked().sum(0)

    def by_name(self) -> tuple[list[str], torch.Tensor]:
        """Names in the order in which they came, and int64 (N, C, C) on the CPU."""
        names = list(dict.fromkeys(self._names))
        place = {name: i for i, name in enumerate(names)}
        counts = torch.zeros(len(names), self.classes, self.classes, dtype=torch.int64)
        counts.index_add_(0, torch.tensor([place[name] for name in self._names], dtype=torch.int64), self._stacked())
        return names, counts

    def _stacked(self) -> torch.Tensor:
        empty = torch.zeros(0, self.classes, self.classes, dtype=torch.int64)
        return torch.cat(self._counts).cpu() if self._counts else empty
