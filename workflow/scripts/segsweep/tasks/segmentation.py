"""Segmentation: masks of one logit (binary) or of several classes."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
import torch
from torch import nn

from segsweep import models
from segsweep.config.train import Train
from segsweep.errors import InputError
from segsweep.losses.class_weights import class_weights
from segsweep.losses.combined import Combined
from segsweep.metrics.confusion import VOID, Confusion
from segsweep.metrics.scores import binary_scores, multiclass_scores

BINARY = ("jaccard", "dice", "precision", "recall", "accuracy", "miou")
MULTICLASS = ("miou", "dice", "pixel_accuracy", "mean_accuracy")
OTHER_TASKS = {"multitask": "multitask", "dbnet": "text"}  # architectures of other tasks


def build(train: Train, prepared: Any, metrics: Sequence[str] = ()) -> "Segmentation":
    """The task of a setting on a prepared data set of the task `binary` or `multiclass`.

    Raises:
        InputError: an architecture of another task, no `loss.main`, a loss for one logit with several classes, class
            weights that do not fit, unknown metrics.
    """
    problems = []
    if train.model.arch in OTHER_TASKS:
        problems.append(
            f"train.model.arch: {train.model.arch} is for data sets of the task {OTHER_TASKS[train.model.arch]}, this "
            f"one's is {prepared.task}; choose a segmentation network (unet, bisenet, ...)"
        )
    if train.loss.main is None:
        problems.append(
            f"train.loss.main is missing: say what a data set of the task {prepared.task} is trained with, for example "
            "`main: {cross_entropy: 1.0}`"
        )
    known = names(prepared)
    for name in metrics:
        if name not in known:
            near = get_close_matches(name.lower(), known, n=1)
            hint = f"; did you mean {near[0]}?" if near else "."
            problems.append(f"metric: {name!r} is no score of {prepared.task} data{hint} There are: {', '.join(known)}")
    if problems:
        raise InputError(*problems)
    task = Segmentation(train, prepared)
    task.criterion()  # complains now, not when training starts
    return task


def names(prepared: Any) -> list[str]:
    """Names of the scores of a split, without the split."""
    if prepared.task == "binary":
        return list(BINARY)
    return [*MULTICLASS, *(f"iou/{name}" for name in prepared.classes)]


class Segmentation:
    """What training needs to know about masks. See `segsweep.tasks.Task`."""

    def __init__(self, train: Train, prepared: Any):
        self.train = train
        self.prepared = prepared
        self.binary = prepared.task == "binary"
        self.logits = 1 if self.binary else len(prepared.classes)

    def model(self) -> nn.Module:
        """A network with `logits` outputs a pixel, its weights drawn from torch's global generator."""
        return models.build(self.train.model, self.logits)

    def criterion(self) -> nn.Module:
        """The losses of the setting, with class weights from the whole training split."""
        return Criterion(criterion(self.train, self.prepared, self.logits))

    def backward(self, losses: dict[str, torch.Tensor], model: nn.Module, scale: float = 1.0) -> None:
        """Adds the gradients of scale * loss."""
        (losses["loss"] * scale).backward()

    def scores(self, device: torch.device | str = "cpu") -> "MaskScores":
        """An empty accumulator; it counts on the device of what it is given."""
        return MaskScores(list(self.prepared.classes), self.binary)

    def predict(self, outputs: torch.Tensor | dict, batch: dict | None = None) -> list[dict[str, np.ndarray]]:
        """For each picture {"mask": uint8 (H, W) of classes, "probability": float32 (C, H, W)}; binary has C = 1.

        Sides as in the network's outputs: what the loader added at the right and bottom is still there.
        """
        logits = main(outputs).detach().float()
        probability = torch.sigmoid(logits) if self.binary else torch.softmax(logits, dim=1)
        masks = decided(logits).to(torch.uint8).cpu().numpy()
        return [
            {"mask": mask, "probability": one} for mask, one in zip(masks, probability.cpu().numpy(), strict=True)
        ]  # fmt: skip


def criterion(train: Train, prepared: Any, logits: int) -> Combined:
    """The weighted losses of a setting: logits and masks in, "loss" and its parts out."""
    loss = train.loss
    weights = None
    if loss.class_weights is not None:
        pixels = torch.as_tensor(np.asarray(prepared.pixel_counts))
        by_picture = image_counts(prepared) if loss.class_weights == "median_frequency" else pixels[None]
        weights = class_weights(loss.class_weights, pixels, by_picture)
    return Combined(loss.main, loss.aux, loss.aux_weight, classes=logits, class_weights=weights)


def image_counts(prepared: Any) -> torch.Tensor:
    """int64 (N, C): pixels of each class in each training picture, counted here if preparation did not keep them."""
    kept = getattr(prepared, "image_class_counts", None)
    if kept is not None:
        return torch.as_tensor(np.asarray(kept))
    split, classes = prepared.splits["train"], len(prepared.classes)
    counts = [np.bincount(np.asarray(split.mask(i)).ravel(), minlength=VOID + 1)[:classes] for i in range(len(split))]
    return torch.as_tensor(np.stack(counts))


class Criterion(nn.Module):
    """Takes the masks out of the batch."""

    def __init__(self, combined: Combined):
        super().__init__()
        self.combined = combined

    def forward(self, outputs: torch.Tensor | dict, batch: dict) -> dict[str, torch.Tensor]:
        return self.combined(outputs, batch["mask"])


class MaskScores:
    """Scores of masks; classes are named, binary ones are background and foreground."""

    def __init__(self, classes: list[str], binary: bool):
        self.classes = classes
        self.binary = binary
        self.confusion = Confusion(2 if binary else len(classes))

    def update(self, outputs: torch.Tensor | dict, batch: dict) -> None:
        """Count a batch with "mask" int64 (B, H, W) and "name" (or "page", where patches belong to one)."""
        self.confusion.update(decided(main(outputs)), batch["mask"], list(batch.get("page") or batch["name"]))

    def compute(self) -> dict[str, float]:
        """Scores of all that was counted."""
        total = self.confusion.total()
        scores = binary_scores(total) if self.binary else multiclass_scores(total, self.classes)
        return {name: float(value) for name, value in scores.items()}

    def images(self) -> list[dict]:
        """Scores of each picture (page), without those of single classes."""
        pictures, counts = self.confusion.by_name()
        scores = binary_scores(counts) if self.binary else multiclass_scores(counts)
        columns = {name: values.tolist() for name, values in scores.items()}
        return [
            {"image": picture} | {name: values[i] for name, values in columns.items()}
            for i, picture in enumerate(pictures)
        ]


def main(outputs: torch.Tensor | dict) -> torch.Tensor:
    """The main logits (B, C, H, W)."""
    return outputs["main"] if isinstance(outputs, dict) else outputs


def decided(logits: torch.Tensor) -> torch.Tensor:
    """int64 (B, H, W) of logits (B, C, H, W): the likeliest class; one logit: 1 where it is above 0."""
    return (logits[:, 0] > 0).long() if logits.shape[1] == 1 else logits.argmax(dim=1)
