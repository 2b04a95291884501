"""Names of hyperparameters and metrics as a person writes them."""

from collections.abc import Sequence

from pydantic import BaseModel

from segsweep import registry
from segsweep.analysis.measures import MEASURES
from segsweep.config.train import Train
from segsweep.config.yaml_documents import models_in

LOSSES = {"loss": "loss", "loss_seg": "segmentation loss", "loss_det": "detection loss"}
SPLITS = {"train": "training", "val": "validation", "test": "test"}
LABELS = {column.name: column.label for column in MEASURES}


def metric(name: str) -> str:
    """A column of runs.csv in words, with its split: `val/miou` is `validation mIoU`, `val/iou/car` that of a class."""
    if name in LABELS:
        return LABELS[name]
    split, _, score = name.partition("/")
    if not score:
        return name.replace("_", " ")
    head, _, of = score.partition("/")
    known = registry.classes("metric").get(head)
    words = known.title if known else LOSSES.get(head, head.replace("_", " "))
    return f"{SPLITS.get(split, split)} {words}" + (f" of {of.replace('_', ' ')}" if of else "")


def axis(name: str, among: Sequence[str] = ()) -> str:
    """A dotted key in words: `optimizer.lr` is `learning rate`. With its key if another of `among` reads so."""
    words = _axis(name)
    return words if sum(_axis(other) == words for other in among) < 2 else f"{words} ({name})"


def _axis(name: str) -> str:
    return _title(name) or name.rsplit(".", 1)[-1].replace("_", " ")


def _title(name: str) -> str | None:
    """The title of the setting at a dotted key; of a component's key, that of the first component that has it."""
    models: list[type[BaseModel]] = [Train]
    title = None
    for part in name.split("."):
        # A component that narrows a key of its kind (`name`, `arch`) leaves the title to the kind's class.
        lines = [cls for model in models for cls in model.__mro__ if issubclass(cls, BaseModel)]
        fields = [cls.model_fields[part] for cls in lines if part in cls.model_fields]
        models = [inner for field in fields for inner in models_in(field.annotation)]
        title = next((field.title for field in fields if field.title), None)
    return title
