"""Text detection: DBNet, its loss, its polygons and their scores."""

from collections.abc import Sequence

import torch
from torch import nn

from segsweep import models
from segsweep.config.losses import Db
from segsweep.config.train import Postprocess, Train
from segsweep.errors import InputError
from segsweep.losses.db import DbLoss
from segsweep.metrics.text import NAMES, TextScores
from segsweep.text.postprocess import Detections, detect


def build(train: Train, prepared, metrics: Sequence[str] = ()) -> "TextTask":
    """The task of a training setting. `prepared` is not needed: text has no classes.

    Raises:
        InputError: for an architecture that detects no text, or metrics that text has not.
    """
    problems = []
    if train.model.arch != "dbnet":
        problems.append(
            f"train.model.arch: {train.model.arch} detects no text; a data set with `task: text` needs `arch: dbnet`"
        )
    unknown = [name for name in metrics if name not in NAMES]
    if unknown:
        problems.append(f"metric: {', '.join(unknown)} is none of text's; allowed: {', '.join(NAMES)}")
    if problems:
        raise InputError(*problems)
    return TextTask(train)


class TextTask:
    """What training needs to know about text detection."""

    def __init__(self, train: Train):
        self.train = train

    def model(self) -> nn.Module:
        """A network whose weights are drawn from torch's global generator."""
        return models.build(self.train.model, 1)

    def criterion(self) -> nn.Module:
        """The DB loss, with its published weights if `loss.db` is not set."""
        return DbLoss(self.train.loss.db or Db())

    def backward(self, losses: dict[str, torch.Tensor], model: nn.Module, scale: float) -> None:
        """Gradients of scale * loss."""
        (losses["loss"] * scale).backward()

    def scores(self, device: torch.device | str = "cpu") -> "BatchScores":
        """An empty accumulator; counting polygons is done on the CPU, whatever `device`."""
        return BatchScores(self.train.postprocess)

    def predict(self, outputs: dict[str, torch.Tensor], batch: dict | None = None) -> list[Detections]:
        """Polygons and scores of each picture of a batch."""
        return detections(outputs, batch, self.train.postprocess)


class BatchScores(TextScores):
    """Text scores fed with a network's outputs."""

    def __init__(self, postprocess: Postprocess):
        super().__init__()
        self.postprocess = postprocess

    def update(self, outputs: dict[str, torch.Tensor], batch: dict) -> None:
        """Count a batch with "name", "polygons" and "ignored"."""
        found = detections(outputs, batch, self.postprocess)
        for name, truths, ignored, one in zip(batch["name"], batch["polygons"], batch["ignored"], found, strict=True):
            self.add(name, truths, ignored, one.polygons)


def detections(outputs: dict[str, torch.Tensor], batch: dict | None, postprocess: Postprocess) -> list[Detections]:
    """Polygons of each picture, from "probability" (B, 1, H, W); none beyond the sizes before padding in `batch`."""
    maps = outputs["probability"].detach().float().cpu().numpy()
    sizes = (batch or {}).get("size") or [maps.shape[-2:]] * len(maps)
    return [detect(one[0, :height, :width], postprocess) for one, (height, width) in zip(maps, sizes, strict=True)]
