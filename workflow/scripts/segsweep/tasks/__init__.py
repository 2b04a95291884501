"""What a task means to the training loop: a network, a loss, scores and predictions. One file a task."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Protocol

import torch
from torch import nn

from segsweep.config.train import Train
from segsweep.registry import COMPONENTS


class Scores(Protocol):
    """Counts of a whole split, and what follows from them."""

    def update(self, outputs: Any, batch: dict) -> None:
        """Count a batch: outputs of the network in evaluation, and the batch on the same device."""

    def compute(self) -> dict[str, float]:
        """Scores of the split by name ("miou"), from summed counts; nan where there is nothing to score."""

    def images(self) -> list[dict]:
        """Scores of each picture, {"image": name, "miou": ...}; patches of a page make one entry."""


class Task(Protocol):
    """What the loop asks of a task."""

    def model(self) -> nn.Module:
        """A new network, its weights drawn from torch's global generator."""

    def criterion(self) -> nn.Module:
        """A module `forward(outputs, batch)` giving "loss", a scalar, and named parts; it may hold parameters."""

    def backward(self, losses: dict[str, torch.Tensor], model: nn.Module, scale: float) -> None:
        """Adds the gradients of scale * loss."""

    def scores(self, device: torch.device | str = "cpu") -> Scores:
        """A new accumulator."""

    def predict(self, outputs: Any, batch: dict | None = None) -> list:
        """What is found in each picture of a batch, as numpy arrays."""


def build(train: Train, prepared: Any, metrics: Sequence[str] = ()) -> Task:
    """The task of a prepared data set under a training setting.

    Args:
        train: a setting whose loss has no phases left.
        prepared: the data set, an object with `task`, `classes` and counts of pixels (see `segsweep.data.prepared`).
        metrics: names of scores that will be asked for, without the split; refused here if the task has none such.

    Raises:
        InputError: a setting that does not fit the task.
    """
    return import_module(COMPONENTS["task"][prepared.task]).build(train, prepared, metrics)
