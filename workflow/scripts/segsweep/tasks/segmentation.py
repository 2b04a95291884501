"""Segmentation: masks of a binary output (foreground or not) or of several classes."""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import nn

from segsweep import models
from segsweep.config.components import Task
from segsweep.config.settings import key
from segsweep.config.train import Train
from segsweep.losses.class_weights import class_weights
from segsweep.losses.combined import Combined
from segsweep.losses.present_classes import present_classes
from segsweep.network_outputs import main_logits
from segsweep.tasks.confusion import MaskCounter, decide


class SegmentationTask(Task):
    """Masks, whose scores are those of the foreground (binary) or means over the classes."""

    stitched: ClassVar[bool] = True

    name: Literal["binary", "multiclass"] = key("multiclass", "Masks of foreground and background, or of classes.")


def build(train: Train, prepared: Any) -> "Segmentation":
    """The task of a setting on a prepared data set of the task `binary` or `multiclass`.

    Raises:
        InputError: `focal.alpha` with several classes, class weights that do not fit.
    """
    task = Segmentation(train, prepared)
    task.criterion()  # a setting that does not fit is refused now, not when training starts
    return task


class Segmentation:
    """What training needs to know about masks. See `segsweep.tasks.Task`."""

    def __init__(self, train: Train, prepared: Any):
        self.train = train
        self.prepared = prepared
        self.binary = prepared.task == "binary"
        self.logits = 1 if self.binary else len(prepared.classes)

    def model(self) -> nn.Module:
        """A network with `logits` outputs a pixel, its weights drawn from torch's global generator."""
        return models.build(self.train.model, self.logits, self.prepared.channels)

    def criterion(self) -> nn.Module:
        """The losses of the setting, with class weights from the whole training split."""
        return Criterion(criterion(self.train, self.prepared, self.logits))

    def targets(self) -> Callable[[dict], dict] | None:
        """The classes that occur, where a loss asks for them."""
        loss = self.train.loss
        terms = [term for one in (loss.main, loss.aux) if one is not None for term in one.active().values()]
        return present_classes if not self.binary and any(term.asks_present for term in terms) else None

    def before_backward(self, losses: dict[str, torch.Tensor], model: nn.Module) -> None:
        """Nothing: the weights of the losses are fixed."""

    def counter(self) -> MaskCounter:
        """An empty counter; it counts on the device of what it is given."""
        return MaskCounter(len(self.prepared.classes))

    def predict(self, outputs: torch.Tensor | dict, batch: dict | None = None) -> list[dict[str, np.ndarray]]:
        """For each image {"mask": uint8 (H, W) of classes, "probability": float32 (C, H, W)}; binary has C = 1.

        Sides as in the network's outputs: what the loader added at the right and bottom is still there.
        """
        logits = main_logits(outputs).detach().float()
        probability = torch.sigmoid(logits) if self.binary else torch.softmax(logits, dim=1)
        masks = decide(logits).to(torch.uint8).cpu().numpy()
        return [
            {"mask": mask, "probability": one} for mask, one in zip(masks, probability.cpu().numpy(), strict=True)
        ]  # fmt: skip


def criterion(train: Train, prepared: Any, logits: int) -> Combined:
    """The weighted losses of a setting: logits and masks in, "loss" and its parts out."""
    loss = train.loss
    weights = None
    if loss.class_weights is not None:
        by_image, pixels = map(torch.as_tensor, (prepared.image_class_counts, prepared.pixel_counts))
        weights = class_weights(loss.class_weights, pixels, by_image, by_image.sum(1))
    return Combined(loss.main, loss.aux, loss.aux_weight, classes=logits, class_weights=weights)


class Criterion(nn.Module):
    """Takes the masks out of the batch."""

    def __init__(self, combined: Combined):
        super().__init__()
        self.combined = combined

    def forward(self, outputs: torch.Tensor | dict, batch: dict) -> dict[str, torch.Tensor]:
        return self.combined(outputs, batch["mask"], batch.get("present"))
