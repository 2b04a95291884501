"""Masks of several labels a pixel: each label by itself is a binary output."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import nn

from segsweep import models
from segsweep.config.components import Task
from segsweep.config.settings import key
from segsweep.config.train import Train
from segsweep.data.label_masks import pack, unpack
from segsweep.data.void import VOID
from segsweep.losses.class_weights import class_weights
from segsweep.losses.combined import Combined
from segsweep.network_outputs import main_logits, map_tensors
from segsweep.tasks.confusion import MaskCounter


class MultilabelTask(Task):
    """Masks of several labels a pixel, whose scores are means over the labels."""

    stitched: ClassVar[bool] = True

    name: Literal["multilabel"] = key("multilabel", "Masks of several labels a pixel.")


def build(train: Train, prepared: Any) -> "Multilabel":
    """The task of a setting on a prepared data set of the task `multilabel`.

    Raises:
        InputError: class weights that do not fit.
    """
    task = Multilabel(train, prepared)
    task.criterion()  # a setting that does not fit is refused now, not when training starts
    return task


class Multilabel:
    """What training needs to know about several labels a pixel. See `segsweep.tasks.Task`."""

    def __init__(self, train: Train, prepared: Any):
        self.train, self.prepared = train, prepared
        self.labels = len(prepared.classes)

    def model(self) -> nn.Module:
        """A network with one logit a label and pixel, its weights drawn from torch's global generator."""
        return models.build(self.train.model, self.labels, self.prepared.channels)

    def criterion(self) -> "Criterion":
        """The losses of the setting; `class_weights` weigh the labels, by their pixels in the whole training split."""
        loss, weights = self.train.loss, torch.ones(self.labels)
        if loss.class_weights is not None:
            by_image, valid, pixels = map(
                torch.as_tensor,
                (self.prepared.image_class_counts, self.prepared.image_scored_pixels, self.prepared.pixel_counts),
            )
            weights = class_weights(loss.class_weights, pixels, by_image, valid)
        return Criterion(Combined(loss.main, loss.aux, loss.aux_weight, classes=1), weights)

    def targets(self) -> None:
        """Nothing: masks are all that the losses look at."""

    def before_backward(self, losses: dict[str, torch.Tensor], model: nn.Module) -> None:
        """Nothing: the weights of the losses are fixed."""

    def counter(self) -> "LabelCounter":
        """An empty counter; it counts on the device of what it is given."""
        return LabelCounter(self.labels)

    def predict(self, outputs: torch.Tensor | dict, batch: dict | None = None) -> list[dict[str, np.ndarray]]:
        """For each image {"mask": uint8 (H, W) of labels as bits, "probability": float32 (C, H, W)}.

        A pixel carries a label where its probability is above one half. Sides as in the network's outputs: what the
        loader added at the right and bottom is still there.
        """
        logits = main_logits(outputs).detach().float()
        probability, found = torch.sigmoid(logits).cpu().numpy(), (logits > 0).to(torch.uint8).cpu().numpy()
        return [{"mask": pack(labels), "probability": one} for labels, one in zip(found, probability, strict=True)]


def labels_of(masks: torch.Tensor, labels: int) -> torch.Tensor:
    """int64 (B, C, H, W) of masks int64 (B, H, W) with labels as bits: 0, 1, and 255 for void."""
    bits = torch.arange(labels, device=masks.device).view(1, -1, 1, 1)
    masks = masks.unsqueeze(1)
    return torch.where(masks == VOID, VOID, (masks >> bits) & 1)


class Criterion(nn.Module):
    """The weighted mean over the labels of the losses of each as a binary output.

    So a cross entropy is the mean over pixels and labels, and Dice, Jaccard, Tversky and Lovász losses are those of the
    foreground of each label. A label of weight 0 is not trained. `forward(outputs, batch)`: logits (B, C, H, W), or a
    dict of them, and "mask" int64 (B, H, W) with labels as bits, 255 void.
    """

    def __init__(self, of_label: Combined, weights: torch.Tensor):
        super().__init__()
        self.of_label = of_label
        self.register_buffer("weights", weights / weights.sum(), persistent=False)

    def forward(self, outputs: torch.Tensor | dict, batch: dict) -> dict[str, torch.Tensor]:
        target = labels_of(batch["mask"], len(self.weights))
        total: dict[str, torch.Tensor] = {}
        for i, weight in enumerate(self.weights):
            losses = self.of_label(map_tensors(lambda logits, i=i: logits[:, i : i + 1], outputs), target[:, i])
            total = {name: total.get(name, 0.0) + weight * value for name, value in losses.items()}
        return total


class LabelCounter:
    """A binary confusion of each label, of a split and of each of its images."""

    def __init__(self, labels: int):
        self.each = [MaskCounter(2) for _ in range(labels)]

    def update(self, outputs: torch.Tensor | dict, batch: dict) -> None:
        """Count outputs of a network; `batch` with "mask" int64 (B, H, W), labels as bits, and "name"."""
        logits, target = main_logits(outputs), labels_of(batch["mask"], len(self.each))
        for i, counter in enumerate(self.each):
            counter.update(logits[:, i : i + 1], batch | {"mask": target[:, i]})

    def add(self, predictions: Sequence[dict[str, Any]], batch: dict) -> None:
        """Count predictions, each with "mask" (H, W), as `Task.predict` gives them."""
        target = labels_of(batch["mask"], len(self.each))
        found = [unpack(one["mask"], len(self.each)) for one in predictions]
        for i, counter in enumerate(self.each):
            counter.add([{"mask": labels[i]} for labels in found], batch | {"mask": target[:, i]})

    def totals(self) -> dict[str, np.ndarray]:
        """{"labels": int64 (C, 2, 2)} of all images: without and with the label in the ground truth, and predicted."""
        return {"labels": self._stacked().sum(axis=0)}

    def images(self) -> dict[str, np.ndarray]:
        """{"names": (N,), "labels": int64 (N, C, 2, 2)} of each image, in the order in which they came."""
        return {"names": np.array(self.each[0].names, dtype=str), "labels": self._stacked()}

    def _stacked(self) -> np.ndarray:
        """Of all labels in one copy, (N, C, 2, 2)."""
        return torch.stack([counter.confusions() for counter in self.each], dim=1).cpu().numpy()
