"""Text detection: DBNet, its loss, its polygons and their scores."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from segsweep import models
from segsweep.config.components import Task
from segsweep.config.settings import key
from segsweep.config.train import Postprocess, Train
from segsweep.device_copies import Arriving
from segsweep.losses.db import DbLoss, DbSettings
from segsweep.text.postprocess import Detections, detect
from segsweep.text.protocol import WordCounter
from segsweep.text.targets import batch_targets


class TextDetection(Task):
    """Text in scenes: polygons around words."""

    name: Literal["text"] = key("text", "Polygons around words.")


def build(train: Train, prepared: Any) -> "TextTask":
    """The task of a training setting on a prepared data set of the task `text`."""
    return TextTask(train, prepared)


class TextTask:
    """What training needs to know about text detection."""

    def __init__(self, train: Train, prepared: Any):
        self.train, self.prepared = train, prepared

    def model(self) -> nn.Module:
        """A network whose weights are drawn from torch's global generator."""
        return models.build(self.train.model, 1, self.prepared.channels)

    def criterion(self) -> nn.Module:
        """The DB loss, with its published weights if `loss.db` is not set."""
        return DbLoss(self.train.loss.db or DbSettings())

    def targets(self) -> Callable[[dict], dict]:
        """The maps of the DB loss, which take longer to draw than a GPU takes for a step."""
        return batch_targets

    def before_backward(self, losses: dict[str, torch.Tensor], model: nn.Module) -> None:
        """Nothing: the weights of the losses are fixed."""

    def counter(self) -> "TextCounter":
        """An empty counter; polygons are counted on the CPU."""
        return TextCounter(self.train.postprocess)

    def predict(self, outputs: dict[str, torch.Tensor], batch: dict | None = None) -> list[Detections]:
        """Polygons and scores of each image of a batch."""
        return detections(outputs["probability"].detach().float().cpu(), batch, self.train.postprocess)


class TextCounter(WordCounter):
    """Counts words in a network's outputs."""

    def __init__(self, postprocess: Postprocess):
        super().__init__()
        self.postprocess = postprocess
        self._last: tuple[Arriving, dict] | None = None

    def update(self, outputs: dict[str, torch.Tensor], batch: dict) -> None:
        """Count a batch with "name", "polygons" and "ignored": when the next one comes, while that is computed."""
        ground_truth = {key: batch[key] for key in ("name", "polygons", "ignored", "size") if key in batch}
        arriving = Arriving(outputs["probability"].detach().float())
        self._count_last()
        self._last = arriving, ground_truth

    def add(self, predictions: Sequence[Detections], batch: dict) -> None:
        """As `WordCounter`'s."""
        self._count_last()
        super().add(predictions, batch)

    def totals(self) -> dict[str, np.ndarray]:
        """As `WordCounter`'s."""
        self._count_last()
        return super().totals()

    def images(self) -> dict[str, np.ndarray]:
        """As `WordCounter`'s."""
        self._count_last()
        return super().images()

    def _count_last(self) -> None:
        if self._last is not None:
            (arriving, batch), self._last = self._last, None
            super().add(detections(arriving.arrived(), batch, self.postprocess), batch)


def detections(probability: torch.Tensor, batch: dict | None, postprocess: Postprocess) -> list[Detections]:
    """Polygons of each image, from float32 (B, 1, H, W); none beyond the sizes before padding in `batch`."""
    maps = probability.numpy()
    sizes = (batch or {}).get("size") or [maps.shape[-2:]] * len(maps)
    return [detect(one[0, :height, :width], postprocess) for one, (height, width) in zip(maps, sizes, strict=True)]
