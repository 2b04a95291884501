"""All components of own code of a study, tried on its prepared data."""

from collections.abc import Callable, Iterator
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import torch

from segsweep import models, registry
from segsweep.component_checks.augmentation import check_augmentation
from segsweep.component_checks.image_sampling import check_image_sampling
from segsweep.component_checks.loss import check_loss
from segsweep.component_checks.metric import check_metric
from segsweep.component_checks.model import check_model
from segsweep.component_checks.optimizer import check_optimizer
from segsweep.component_checks.own_component import OwnComponent, own_component
from segsweep.component_checks.schedule import check_schedule
from segsweep.config.components import Augmentation, ImageSampling, Network, Optimizer, Schedule, Term
from segsweep.config.losses import MASKS
from segsweep.config.settings import Component
from segsweep.config.train import Train
from segsweep.data.augmentation import load_augmentation
from segsweep.data.augmentation.pixels import Pixels
from segsweep.data.classes import class_names
from segsweep.data.loading import Batches
from segsweep.data.prepared import Prepared, classes_present
from segsweep.data.prepared_checks import open_checked
from segsweep.data.sample import Sample
from segsweep.data.splits import images_of_run
from segsweep.errors import InputError
from segsweep.planning.own_components import own_components
from segsweep.planning.plan_file import StudyPlan

SIDE = 32  # of the masks that losses are tried on
AUGMENTED = 2  # images that augmentations are tried on


def check_study(plan: StudyPlan, parts: list[dict[str, Any]], folder: Path) -> list[str]:
    """Try the components of own code of a study.

    Args:
        plan: of the study.
        parts: {"key", "train"} of each component in a setting (`segsweep.planning.own_components.OwnPart`).
        folder: prepared data that it trains on.

    Returns:
        What was seen of each, in words.

    Raises:
        InputError: with all that is wrong with any of them.
    """
    prepared = open_checked(folder, class_names(plan.dataset))
    found: dict[str, None] = {}
    problems: dict[str, None] = {}
    for check in [*_of_settings(parts, prepared), *_of_metrics(plan.study.get("metrics", []), prepared)]:
        try:
            found[check()] = None
        except InputError as error:
            problems |= dict.fromkeys(error.problems)
    if problems:
        raise InputError(*problems)
    return list(found)


def _of_settings(parts: list[dict[str, Any]], prepared: Prepared) -> Iterator[Callable[[], str]]:
    for part in parts:
        train = Train.model_validate(part["train"])
        component = dict(own_components(train))[part["key"]]
        check = next(check for kind, check in CHECKS.items() if isinstance(component, kind))
        yield partial(_tried, part["key"], component, check, train, prepared)


def _of_metrics(names: list[str], prepared: Prepared) -> Iterator[Callable[[], str]]:
    for name in names:
        metric = registry.find("metric", name)
        function = metric.own.name.function
        yield partial(_tried, f"val/{function}", metric, check_metric, function, prepared.task, prepared.classes)


def _tried(key: str, component: Component | type[Component], check: Callable[..., str], *arguments: Any) -> str:
    own = own_component(key, component)
    return f"{own.title}: {check(own, *arguments)}"


def _model(component: OwnComponent, train: Train, prepared: Prepared) -> str:
    if prepared.task not in MASKS:
        return f"not tried, as networks of the task {prepared.task} have outputs of their own"
    logits = 1 if prepared.task == "binary" else len(prepared.classes)
    shapes = image_shapes(train, prepared)
    return check_model(component, lambda: models.build(train.model, logits, prepared.channels), *shapes, logits)


def _loss(component: OwnComponent, train: Train, prepared: Prepared) -> str:
    # Of several labels a pixel, each is an output of its own.
    logits = 1 if prepared.task in ("binary", "multilabel") else len(prepared.classes)
    values = torch.arange(max(logits, 2), dtype=torch.uint8)
    masks = values[torch.randint(len(values), (4, SIDE, SIDE), generator=torch.Generator().manual_seed(0))]
    weighted = logits > 1 and train.loss.class_weights is not None
    return check_loss(component, masks, logits, torch.linspace(0.5, 1.5, logits) if weighted else None)


def _schedule(component: OwnComponent, train: Train, prepared: Prepared) -> str:
    training, _ = images_of_run(prepared, train.data, None)
    batches = len(_batches(training, train, prepared))
    return check_schedule(component, train.optimizer.lr, batches, train.epochs, train.accumulate)


def _image_sampling(component: OwnComponent, train: Train, prepared: Prepared) -> str:
    training, _ = images_of_run(prepared, train.data, None)
    pixels = prepared.image_class_counts[[i for _, i in training]]
    return check_image_sampling(component, pixels, classes_present(prepared, training))


def _augmentation(component: OwnComponent, train: Train, prepared: Prepared) -> str:
    pipeline = load_augmentation(train.data.augmentation, train.data.augmentation_backend, Pixels.of(prepared))
    training, _ = images_of_run(prepared, train.data, None)
    samples = [_sample(prepared, *one) for one in training[:AUGMENTED]]
    with_boxes = prepared.task in ("multitask", "text")
    return check_augmentation(component, pipeline, samples, with_boxes=with_boxes)


CHECKS: dict[type[Component], Callable[[OwnComponent, Train, Prepared], str]] = {
    Network: _model,
    Term: _loss,
    Optimizer: lambda component, train, prepared: check_optimizer(component),
    Schedule: _schedule,
    ImageSampling: _image_sampling,
    Augmentation: _augmentation,
}


def image_shapes(train: Train, prepared: Prepared) -> tuple[torch.Size, list[torch.Size]]:
    """Shapes (B, C, H, W) of the first batch of training, and of the smallest and the largest image of validation, each
    by itself, as the report draws them.
    """
    training, validation = images_of_run(prepared, train.data, None)
    by_area = sorted(validation, key=lambda one: prod(prepared.splits[one[0]].sizes[one[1]].tolist()))
    single = [_batches([one], train, prepared, training=False) for one in (by_area[0], by_area[-1])]
    first, *shapes = (next(one.epoch(1))["image"].shape for one in (_batches(training, train, prepared), *single))
    return first, list(dict.fromkeys(shapes))


def _sample(prepared: Prepared, name: str, i: int) -> Sample:
    """An image as augmentations get it."""
    split = prepared.splits[name]
    mask = split.mask(i) if prepared.has_masks else None
    return Sample(split.image(i), mask, split.boxes(i), split.labels(i), split.polygons(i), split.ignored(i))


def _batches(items: list[tuple[str, int]], train: Train, prepared: Prepared, *, training: bool = True) -> Batches:
    """Batches without augmentation, which is tried by itself."""
    data = train.data.model_copy(update={"augmentation": "none"})
    return Batches(items, data, prepared, train.batch_size, seed=0, training=training)
