"""Segmentation and detection at once: network, losses of the two tasks, masks and boxes, their scores."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
import torch
from torch import nn

from segsweep import models
from segsweep.config.losses import Detection
from segsweep.config.train import Postprocess, Train
from segsweep.detection.decoding import detections
from segsweep.errors import InputError
from segsweep.losses import task_weights
from segsweep.losses.detection import DetectionLoss
from segsweep.losses.task_weights import TASKS, GradNorm
from segsweep.metrics.detection import DetectionScores, picture_scores
from segsweep.tasks import segmentation

DETECTION = ("map", "map50")


def build(train: Train, prepared: Any, metrics: Sequence[str] = ()) -> "Multitask":
    """The task of a setting on a prepared data set of the task `multitask`, whose first class is the background.

    Raises:
        InputError: another architecture, no `loss.seg`, losses of another task, unknown metrics.
    """
    loss, problems = train.loss, []
    if train.model.arch != "multitask":
        problems.append(
            f"train.model.arch: {train.model.arch} finds no boxes; data of the task multitask needs `arch: multitask`"
        )
    if loss.seg is None:
        problems.append(
            "train.loss.seg is missing: say what the masks are trained with, for example `seg: {cross_entropy: 1.0}`"
        )
    for name in ("main", "aux", "db"):
        if getattr(loss, name) is not None:
            problems.append(
                f"train.loss.{name}: a multitask model does not read it; use `seg` for masks, `det` for boxes"
            )
    known = names(list(prepared.classes))
    for name in metrics:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            problems.append(f"metric: {name!r} is no score of multitask data{hint} There are: {', '.join(known)}")
    if problems:
        raise InputError(*problems)
    task = Multitask(train, prepared)
    task.criterion()  # complains now, not when training starts
    return task


def names(classes: list[str]) -> list[str]:
    """Names of the scores of a split, without the split. `classes`: all C, the background first."""
    return [
        *segmentation.MULTICLASS,
        *(f"iou/{name}" for name in classes),
        *DETECTION,
        *(f"ap/{name}" for name in classes[1:]),
    ]


class Multitask:
    """What training needs to know about masks and boxes. See `segsweep.tasks.Task`."""

    def __init__(self, train: Train, prepared: Any):
        self.train = train
        self.classes = list(prepared.classes)
        # The losses of masks are those of a segmentation whose main head is trained with `loss.seg`.
        as_main = train.loss.model_copy(update={"main": train.loss.seg})
        self.masks = segmentation.Segmentation(train.model_copy(update={"loss": as_main}), prepared)
        self._weighing: nn.Module | None = None

    def model(self) -> nn.Module:
        """A network with logits for all classes and boxes of all but the background."""
        return models.build(self.train.model, len(self.classes))

    def criterion(self) -> "Criterion":
        """The losses of the two tasks and how they are weighed; `backward` is about the last one made."""
        loss = self.train.loss
        made = Criterion(
            self.masks.criterion(), DetectionLoss(loss.det or Detection()), task_weights.build(loss.task_weights)
        )
        self._weighing = made.weighing
        return made

    def backward(self, losses: dict[str, torch.Tensor], model: nn.Module, scale: float = 1.0) -> None:
        """Adds the gradients of scale * loss. GradNorm takes a step of its weights, which the next batch will feel."""
        if isinstance(self._weighing, GradNorm):
            self._weighing.update([losses[f"loss_{name}"] for name in TASKS], model.shared_weights())
        (losses["loss"] * scale).backward()

    def scores(self, device: torch.device | str = "cpu") -> "MultitaskScores":
        """An empty accumulator; boxes are counted on the CPU, whatever `device`."""
        return MultitaskScores(self.classes, self.train.postprocess)

    def predict(self, outputs: dict, batch: dict | None = None) -> list[dict[str, np.ndarray]]:
        """What is found in each picture.

        Returns:
            For each picture "mask" uint8 (H, W) of classes, "probability" float32 (C, H, W), and, best first, "boxes"
            float32 (m, 4) corners in pixels, "scores" float32 (m,) in 0..1, "labels" int64 (m,), 0-based over the
            classes without background. Sides as in the network's outputs.
        """
        found = boxes_in(outputs, batch, self.train.postprocess)
        return [
            masks | {name: values.cpu().numpy() for name, values in boxes.items()}
            for masks, boxes in zip(self.masks.predict(outputs), found, strict=True)
        ]


class Criterion(nn.Module):
    """The losses of both tasks, each by itself and weighed against each other.

    `forward(outputs, batch)` gives "loss" and, without the tasks' weights, "loss_seg" and "loss_det"; the latter is the
    sum of "loss_det_cls", "loss_det_box" and "loss_det_center". The batch holds "mask" int64 (B, H, W), 255 void,
    "boxes" and "labels", and may hold "ignored".
    """

    def __init__(self, masks: nn.Module, boxes: DetectionLoss, weighing: nn.Module):
        super().__init__()
        self.masks, self.boxes, self.weighing = masks, boxes, weighing

    def forward(self, outputs: dict, batch: dict) -> dict[str, torch.Tensor]:
        seg = self.masks(outputs["main"], batch)["loss"]
        det = self.boxes(outputs["det"], batch["boxes"], batch["labels"], ignored(batch))
        parts = {"loss_seg": seg} | {f"loss_{name}": part for name, part in det.items()}
        return {"loss": self.weighing((seg, det["det"])), **parts}


class MultitaskScores:
    """Scores of masks and boxes."""

    def __init__(self, classes: list[str], postprocess: Postprocess):
        self.postprocess = postprocess
        self.masks = segmentation.MaskScores(classes, binary=False)
        self.boxes = DetectionScores(classes[1:])
        self.pictures: dict[str, dict[str, float]] = {}

    def update(self, outputs: dict, batch: dict) -> None:
        """Count a batch with "mask", "boxes", "labels", "name" and, where they are known, "ignored" and "size"."""
        self.masks.update(outputs, batch)
        found, aside = boxes_in(outputs, batch, self.postprocess), ignored(batch)
        self.boxes.update(found, batch["boxes"], batch["labels"], aside)
        for i, name in enumerate(batch["name"]):
            self.pictures[name] = picture_scores(found[i], batch["boxes"][i], batch["labels"][i], aside[i])

    def compute(self) -> dict[str, float]:
        """Scores of all that was counted; nan for classes that do not occur."""
        return self.masks.compute() | self.boxes.compute()

    def images(self) -> list[dict]:
        """Scores of each picture: of its mask, "map50" and "box_f1" (see `picture_scores`)."""
        return [row | self.pictures[row["image"]] for row in self.masks.images()]


def boxes_in(outputs: dict, batch: dict | None, postprocess: Postprocess) -> list[dict[str, torch.Tensor]]:
    """The boxes found in each picture, inside of its "size" before padding where the batch has it."""
    sides = tuple(outputs["main"].shape[-2:])
    sizes = (batch or {}).get("size") or [sides] * len(outputs["main"])
    return detections(outputs["det"], sizes, postprocess)


def ignored(batch: dict) -> list[torch.Tensor]:
    """For each picture bool (n,): which of its boxes count neither for nor against; none where nothing is said."""
    marks = batch.get("ignored") or [[]] * len(batch["boxes"])
    return [
        torch.as_tensor(mark, dtype=torch.bool, device=boxes.device)
        if len(mark) == len(boxes)
        else torch.zeros(len(boxes), dtype=torch.bool, device=boxes.device)
        for mark, boxes in zip(marks, batch["boxes"], strict=True)
    ]
