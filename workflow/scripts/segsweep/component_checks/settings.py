"""Sections of training settings, tried without data: what torch and other libraries refuse, they refuse here."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain
from math import ceil, isfinite
from typing import Any

import numpy as np
import torch
from torch import nn

from segsweep import registry, tasks
from segsweep.config.augmentations import with_lines
from segsweep.config.losses import MASKS
from segsweep.config.train import Train
from segsweep.data.augmentation import load_augmentation
from segsweep.data.augmentation.pixels import RGB_BYTES, Pixels
from segsweep.data.image_arrays import is_rgb8
from segsweep.data.image_kinds import RGB
from segsweep.data.void import VOID
from segsweep.errors import InputError
from segsweep.models.hub_weights import cache_first
from segsweep.optimizers import build_optimizer
from segsweep.planning.study_context import phases_of
from segsweep.planning.tried_settings import TriedSetting, TriedStudy
from segsweep.schedules import Progress
from segsweep.tasks import Task

SIDE = 32  # of the masks that losses are tried on, pixels; sides of batches are multiples of it
UNKNOWN_SIDE = 128  # of images whose size the settings do not say, pixels
BATCHES = 10  # of an epoch that schedules are tried on
FEW = 2  # images of a pass that is really computed
PIXELS = 1000  # that each class has in the stand-in of the training split


@dataclass(frozen=True)
class DataStandIn:
    """What tasks ask of prepared data, of data that need not be there: each class has as many pixels as any other.

    Attributes:
        task: of the data set.
        classes: names of all C classes.
        channels, dtype: of its images.
    """

    task: str
    classes: list[str]
    channels: int
    dtype: str = "uint8"

    @property
    def image_class_counts(self) -> np.ndarray:
        """int64 (1, C): pixels of each class in the only image."""
        return np.full((1, len(self.classes)), PIXELS)

    @property
    def image_scored_pixels(self) -> np.ndarray:
        """int64 (1,): pixels of the image that are not void."""
        return self.image_class_counts.sum(1)

    @property
    def pixel_counts(self) -> np.ndarray:
        """int64 (C,): pixels of each class in the split."""
        return self.image_class_counts.sum(0)

    @property
    def pixels(self) -> Pixels:
        """All numbers that images of this type have; new pixels are black."""
        if is_rgb8(self.channels, self.dtype):
            return RGB_BYTES
        high = float(np.iinfo(self.dtype).max) if self.dtype != "float32" else 1.0
        black = (0.0,) * self.channels
        return Pixels(self.dtype, black, (high,) * self.channels, black)


def check_settings(study: TriedStudy) -> list[str]:
    """Try sections of training settings.

    Args:
        study: what is tried, and of what kind the data are.

    Returns:
        What was seen of each, in words.

    Raises:
        InputError: with all that is wrong with any of them, and where the study says it.
    """
    data = DataStandIn(study["task"], study["classes"], study["channels"] or RGB, study["dtype"] or "uint8")
    seen: dict[str, None] = {}
    problems: dict[str, None] = {}
    for setting in study["settings"]:
        try:
            with cache_first():
                seen[f"{setting['where']}: {setting['section']}: {_tried(setting, data)}"] = None
        except InputError as error:
            problems |= dict.fromkeys(f"{setting['where']}: {one}" for one in error.problems)
    if problems:
        raise InputError(*problems)
    return list(seen)


def _tried(setting: TriedSetting, data: DataStandIn) -> str:
    section, train = setting["section"], Train.model_validate(setting["train"])
    try:
        return CHECKS[section](train, data)
    except InputError:
        raise
    except Exception as error:  # of any library, about any option
        said = " ".join(str(error).split()) or "no message"
        raise InputError(
            f"train.{section}: with {_in_words(setting['train'][section])} torch says {type(error).__name__}: "
            f"{said.rstrip('.')}. Correct the options of {section}."
        ) from error


def _in_words(section: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in section.items() if value not in (None, {}, []))


def _model(train: Train, data: DataStandIn) -> str:
    """A pass in training and one in evaluation."""
    without = train.model_copy(update={"loss": train.loss.model_copy(update={"class_weights": None})})
    task = tasks.build(without, data)
    height, width = _image_size(train)
    network = _on_meta(task)
    try:
        _pass(network.train(), torch.empty(train.batch_size, data.channels, height, width, device="meta"))
        _pass(network.eval(), torch.empty(1, data.channels, height, width, device="meta"))
    except Exception:  # some look at values, which there are none of: whatever else it is, the pass here says it better
        network = task.model()
        _pass(network.train(), torch.zeros(min(train.batch_size, FEW), data.channels, height, width))
        _pass(network.eval(), torch.zeros(1, data.channels, height, width))
    return f"{sum(p.numel() for p in network.parameters() if p.requires_grad):,} parameters that train"


def _on_meta(task: Task) -> nn.Module:
    """The network of a task, its tensors without content: a pass of them costs nothing, however large."""
    try:
        with torch.device("meta"):
            return task.model()
    except InputError:
        raise
    except Exception:  # some constructors look at values: these are built, and emptied then
        return task.model().to("meta")


def _pass(network: nn.Module, images: torch.Tensor) -> None:
    with torch.no_grad():
        network(images)


def _image_size(train: Train) -> tuple[int, int]:
    """Height and width of the images of a batch, as far as the settings say."""
    data = train.data
    sides = (data.patches.size,) * 2 if data.patches else data.crop or data.image_size or (UNKNOWN_SIDE,) * 2
    height, width = (SIDE * ceil(side / SIDE) for side in sides)
    return height, width


def _loss(train: Train, data: DataStandIn) -> str:
    """The loss of each phase, and of masks its gradient with regard to drawn logits."""
    seen = []
    for _, _, loss in phases_of(train.loss, train.epochs):
        task = tasks.build(train.model_copy(update={"loss": loss}), data)
        criterion = task.criterion()
        seen.append(_gradient(criterion, data) if data.task in MASKS else "built")
    return "; ".join(seen)


def _gradient(criterion: nn.Module, data: DataStandIn) -> str:
    generator = torch.Generator().manual_seed(0)
    # Of several labels a pixel, the mask holds one bit for each, and each has a logit of its own.
    count = len(data.classes)
    values = 2 if data.task == "binary" else 2**count if data.task == "multilabel" else count
    logits = torch.randn(FEW, 1 if data.task == "binary" else count, SIDE, SIDE, generator=generator)
    masks = torch.randint(values, (FEW, SIDE, SIDE), generator=generator)
    masks[:, 0] = VOID  # as padding has it
    logits.requires_grad_()
    loss = criterion(logits, {"mask": masks})["loss"]
    loss.backward()
    if not (isfinite(loss.item()) and logits.grad.isfinite().all()):
        raise InputError(f"train.loss: the loss of drawn logits is {loss.item():g}, or its gradient not finite")
    return f"{loss.item():.4g} of drawn logits"


def _optimizer(train: Train, data: DataStandIn) -> str:
    """One step."""
    network = nn.Sequential(nn.Conv2d(data.channels, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))
    optimizer = build_optimizer(train.optimizer, network, nn.Module())
    network(torch.ones(FEW, data.channels, 8, 8)).square().mean().backward()
    optimizer.step()
    return f"{type(optimizer).__name__} takes a step"


def _scheduler(train: Train, data: DataStandIn) -> str:
    """The rates of the first and the last step of each epoch."""
    learning_rate = registry.load(train.scheduler).learning_rate
    start = Progress(0, BATCHES, train.epochs, accumulate=train.accumulate)
    firsts = range(0, train.epochs * start.steps_per_epoch, start.steps_per_epoch)
    steps = chain.from_iterable((first, first + start.steps_per_epoch - 1) for first in firsts)
    rates = [learning_rate(train.scheduler, train.optimizer.lr, replace(start, step=step)) for step in steps]
    if wrong := [rate for rate in rates if not isfinite(rate) or rate < 0]:
        raise InputError(f"train.scheduler: a rate is {wrong[0]:g}; rates are finite, and 0 or more")
    return f"rates from {min(rates):.3g} to {max(rates):.3g} in {train.epochs} epochs"


def _augmentation(train: Train, data: DataStandIn) -> str:
    """The pipeline is built: what of it does not fit the images, `augmentation.trial` finds when they are prepared."""
    name, backend = train.data.augmentation, train.data.augmentation_backend
    try:
        load_augmentation(name, backend, data.pixels)
    except InputError as error:
        raise InputError(*with_lines(name, error.problems)) from error
    return f"{backend} takes the augmentation {name}"


CHECKS: dict[str, Callable[[Train, DataStandIn], str]] = {
    "model": _model,
    "loss": _loss,
    "optimizer": _optimizer,
    "scheduler": _scheduler,
    "data": _augmentation,
}
