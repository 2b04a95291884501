"""What a task means to training and inference: a network, a loss, counts and predictions. One file a task, with a class
of its facts (`segsweep.config.components.Task`) and

    build(train, prepared) -> Task

that refuses a setting which does not fit the task.
"""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from segsweep import registry
from segsweep.config.architectures import unsuited_architecture
from segsweep.config.losses import missing, unsuited
from segsweep.config.train import Train
from segsweep.errors import InputError


class Counter(Protocol):
    """Counts of a split, of which `segsweep.metrics` makes scores."""

    def update(self, outputs: Any, batch: dict) -> None:
        """Count a batch: outputs of the network in evaluation, and the batch on the same device; pages, not patches."""

    def add(self, predictions: list, batch: dict) -> None:
        """Count predictions of a batch, in the form of `Task.predict`."""

    def totals(self) -> dict[str, np.ndarray]:
        """Counts of all images together, by name."""

    def images(self) -> dict[str, np.ndarray]:
        """ "names" (N,), and counts with a leading axis of images."""


class Task(Protocol):
    """What the training loop and inference ask of a task."""

    def model(self) -> nn.Module:
        """A new network, its weights drawn from torch's global generator."""

    def criterion(self) -> nn.Module:
        """A module `forward(outputs, batch)` giving "loss", a scalar, and named parts; it may hold parameters."""

    def targets(self) -> Callable[[dict], dict] | None:
        """What `criterion` wants to know of a batch besides, as a function of the loaded batch whose result the loader
        adds: tensors with an axis of images, lists with an item an image. None where it wants nothing."""

    def before_backward(self, losses: dict[str, torch.Tensor], model: nn.Module) -> None:
        """Called with the losses of each forward pass in training before the gradient is computed."""

    def counter(self) -> Counter:
        """A new, empty counter."""

    def predict(self, outputs: Any, batch: dict | None = None) -> list:
        """What is found in each image of a batch, as numpy arrays."""


def build(train: Train, prepared: Any) -> Task:
    """The task of a prepared data set under a training setting.

    Args:
        train: a setting whose loss has no phases left.
        prepared: the data set, an object with `task`, `classes` and counts of pixels (see `segsweep.data.prepared`).

    Raises:
        InputError: a setting that does not fit the task.
    """
    losses = [*missing(train.loss, prepared.task), *unsuited(train.loss, prepared.task)]
    architecture = unsuited_architecture(train.model, prepared.task)
    problems = [*[architecture] * bool(architecture), *(f"train.{problem}" for problem in losses)]
    if problems:
        raise InputError(*problems)
    return registry.load(registry.classes("task")[prepared.task]).build(train, prepared)
