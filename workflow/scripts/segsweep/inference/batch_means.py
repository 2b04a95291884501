"""Scores that are means over the batches of a split, for metrics that are no function of a whole split's counts."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import torch

from segsweep import metrics, registry


class BatchMeans:
    """Means over batches; a batch may come in parts."""

    def __init__(self, names: Collection[str], task: str, classes: Sequence[str]):
        """
        Args:
            names: of metrics with `of_batches`.
            task, classes: of the data set.
        """
        found = metrics.metrics_of(task)
        self.modules = {name: registry.load(found[name]) for name in names}
        self.classes = metrics.scored_classes(task, classes)
        self.counts: dict[str, list[torch.Tensor | None]] = {}

    def start_split(self) -> None:
        """What follows is of another split, or of another epoch."""
        self.counts = {name: [] for name in self.modules}

    def start_batch(self) -> None:
        """What follows is of another batch."""
        for counts in self.counts.values():
            counts.append(None)

    def update(self, outputs: Any, batch: dict) -> None:
        """Count outputs of a network for a part of the batch."""
        for name, module in self.modules.items():
            added, before = module.count(outputs, batch), self.counts[name][-1]
            before = torch.zeros((), dtype=torch.float64, device=added.device) if before is None else before
            self.counts[name][-1] = before + added

    def values(self) -> dict[str, float]:
        """The mean of each metric over the batches."""
        found = {}
        for name, module in self.modules.items():
            counts = torch.stack(self.counts[name]).cpu().numpy()  # (batches, ...)
            found[name] = float(np.mean(module.compute({name: counts}, self.classes)[name]))
        return found
