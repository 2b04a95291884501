"""Segmentation and detection at once: network, losses of the two tasks, masks and boxes, their scores."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from segsweep import models
from segsweep.config.components import Task
from segsweep.config.settings import key
from segsweep.config.train import Postprocess, Train
from segsweep.detection.answers import answers, batch_answers, ignored
from segsweep.detection.counts import BoxCounter
from segsweep.detection.decoding import candidates, in_main_memory, suppressed
from segsweep.detection.locations import Levels
from segsweep.losses import task_weights
from segsweep.losses.detection import DetectionLoss, DetectionSettings
from segsweep.losses.task_weights import TASKS, GradNorm
from segsweep.tasks.confusion import MaskCounter
from segsweep.tasks.segmentation import Segmentation

MOST_UNCOUNTED = 1000  # images whose candidates wait on the device, 28 KB each


class MultitaskTask(Task):
    """Masks and boxes of the same classes, found by one network."""

    name: Literal["multitask"] = key("multitask", "Masks and boxes.")


def build(train: Train, prepared: Any) -> "Multitask":
    """The task of a setting on a prepared data set of the task `multitask`, whose first class is the background.

    Raises:
        InputError: class weights that do not fit.
    """
    task = Multitask(train, prepared)
    task.criterion()  # a setting that does not fit is refused now, not when training starts
    return task


class Multitask:
    """What training needs to know about masks and boxes. See `segsweep.tasks.Task`."""

    def __init__(self, train: Train, prepared: Any):
        self.train, self.channels = train, prepared.channels
        self.classes = list(prepared.classes)
        # The losses of masks are those of a segmentation whose main head is trained with `loss.seg`.
        as_main = train.loss.model_copy(update={"main": train.loss.seg})
        self.masks = Segmentation(train.model_copy(update={"loss": as_main}), prepared)
        self._weighing: nn.Module | None = None

    def model(self) -> nn.Module:
        """A network with logits for all classes and boxes of all but the background."""
        return models.build(self.train.model, len(self.classes), self.channels)

    def criterion(self) -> "Criterion":
        """The losses of the two tasks and how they are weighed; `before_backward` is about the last one made."""
        loss = self.train.loss
        made = Criterion(
            self.masks.criterion(),
            DetectionLoss(loss.det or DetectionSettings()),
            task_weights.build(loss.task_weights),
        )
        self._weighing = made.weighing
        return made

    def targets(self) -> Callable[[dict], dict]:
        """What the losses of masks ask for, and what each location answers for."""
        return partial(_targets, self.masks.targets())

    def before_backward(self, losses: dict[str, torch.Tensor], model: nn.Module) -> None:
        """GradNorm takes a step of its weights, which the next batch will feel."""
        if isinstance(self._weighing, GradNorm):
            self._weighing.update([losses[f"loss_{name}"] for name in TASKS], model.shared_weights())

    def counter(self) -> "MultitaskCounter":
        """An empty counter; boxes are counted on the CPU."""
        return MultitaskCounter(len(self.classes), self.train.postprocess)

    def predict(self, outputs: dict, batch: dict | None = None) -> list[dict[str, np.ndarray]]:
        """What is found in each image.

        Returns:
            For each image "mask" uint8 (H, W) of classes, "probability" float32 (C, H, W), and, best first, "boxes"
            float32 (m, 4) corners in pixels, "scores" float32 (m,) in 0..1, "labels" int64 (m,), 0-based over the
            classes without background. Sides as in the network's outputs.
        """
        found = in_main_memory(candidates_in(outputs, batch, self.train.postprocess))
        return [
            masks | {name: values.numpy() for name, values in suppressed(boxes, self.train.postprocess).items()}
            for masks, boxes in zip(self.masks.predict(outputs), found, strict=True)
        ]


class Criterion(nn.Module):
    """The losses of both tasks, each by itself and weighed against each other.

    `forward(outputs, batch)` gives "loss" and, without the tasks' weights, "loss_seg" and "loss_det"; the latter is the
    sum of "loss_det_cls", "loss_det_box" and "loss_det_center". The batch holds "mask" int64 (B, H, W), 255 void, and
    what `Multitask.targets` adds, or "boxes" and "labels" in main memory and, where it is known, "ignored".
    """

    def __init__(self, masks: nn.Module, boxes: DetectionLoss, weighing: nn.Module):
        super().__init__()
        self.masks, self.boxes, self.weighing = masks, boxes, weighing

    def forward(self, outputs: dict, batch: dict) -> dict[str, torch.Tensor]:
        seg = self.masks(outputs["main"], batch)["loss"]
        det = self.boxes(outputs["det"], self.answers(outputs["det"]["levels"], batch))
        parts = {"loss_seg": seg} | {f"loss_{name}": part for name, part in det.items()}
        return {"loss": self.weighing((seg, det["det"])), **parts}

    @staticmethod
    def answers(levels: Levels, batch: dict) -> dict[str, Any]:
        """What the loader made of the boxes; made here where the network's levels are others."""
        if batch.get("levels") == tuple(levels):
            return batch
        return answers(levels, batch["boxes"], batch["labels"], ignored(batch))


class MultitaskCounter:
    """Counts of masks and boxes."""

    def __init__(self, classes: int, postprocess: Postprocess):
        self.postprocess = postprocess
        self.masks = MaskCounter(classes)
        self._boxes = BoxCounter(classes - 1)
        self._uncounted: list[tuple[list[dict[str, torch.Tensor]], dict]] = []

    def update(self, outputs: dict, batch: dict) -> None:
        """Count a batch with "mask", "boxes", "labels", "name" and, where they are known, "ignored" and "size"."""
        self.masks.update(outputs, batch)
        ground_truth = {key: batch[key] for key in ("name", "boxes", "labels", "ignored") if key in batch}
        self._uncounted.append((candidates_in(outputs, batch, self.postprocess), ground_truth))
        if sum(len(found) for found, _ in self._uncounted) >= MOST_UNCOUNTED:
            self._count_boxes()

    def add(self, predictions: Sequence[dict[str, Any]], batch: dict) -> None:
        """Count predictions in the form of `Multitask.predict`."""
        self._count_boxes()
        self.masks.add(predictions, batch)
        self._boxes.add(predictions, batch, ignored(batch))

    def totals(self) -> dict[str, np.ndarray]:
        """ "confusion" and "precision" of all images."""
        return self.masks.totals() | self.boxes.totals()

    def images(self) -> dict[str, np.ndarray]:
        """ "names", "confusion" and the matches of boxes of each image."""
        return self.masks.images() | self.boxes.images()

    @property
    def boxes(self) -> BoxCounter:
        """The boxes of all images so far."""
        self._count_boxes()
        return self._boxes

    def _count_boxes(self) -> None:
        """Count the boxes of what was updated with, brought from the device all together."""
        found = iter(in_main_memory([one for images, _ in self._uncounted for one in images]))
        for images, batch in self._uncounted:
            boxes = [suppressed(next(found), self.postprocess) for _ in images]
            self._boxes.add(boxes, batch, ignored(batch))
        self._uncounted = []


def candidates_in(outputs: dict, batch: dict | None, postprocess: Postprocess) -> list[dict[str, torch.Tensor]]:
    """The boxes that may be found in each image, inside of its "size" before padding where the batch has it."""
    sides = tuple(outputs["main"].shape[-2:])
    sizes = (batch or {}).get("size") or [sides] * len(outputs["main"])
    return candidates(outputs["det"], sizes, postprocess)


def _targets(of_masks: Callable[[dict], dict] | None, batch: dict) -> dict[str, Any]:
    return (of_masks(batch) if of_masks else {}) | batch_answers(batch)
