"""Names of hyperparameters, metrics and levels as a person writes them; those that the study gives come first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pydantic import BaseModel

from segsweep import registry
from segsweep.analysis.measures import MEASURES, MODEL_COSTS
from segsweep.config.dotted_keys import keys_of, outer_and_last
from segsweep.config.train import Train
from segsweep.config.yaml_documents import models_in
from segsweep.formatting import value_in_words
from segsweep.report.value_styles import parse

LOSSES = {"loss": "loss", "loss_seg": "segmentation loss", "loss_det": "detection loss"}
SPLITS = {"train": "training", "val": "validation", "test": "test"}
LABELS = {column.name: column.label for column in (*MEASURES, *MODEL_COSTS)}
KINDS_WITH_PROPER_NAMES = ("model", "loss", "optimizer", "metric")


@dataclass(frozen=True)
class DisplayNames:
    """Names in one study. `given` is its key `names`, `axes` the axes that must not read alike.

    `DisplayNames({"optimizer.lr": "Learning rate"}).axis("optimizer.lr") == "learning rate"`: a name is written as it
    stands within a sentence; headings and labels start it with a capital letter.
    """

    given: Mapping[str, str] = field(default_factory=dict)
    axes: Sequence[str] = ()

    def axis(self, name: str) -> str:
        """An axis: the study's name for it, else that of its setting."""
        return within_sentence(self.given[name]) if name in self.given else axis(name, self.axes)

    def metric(self, name: str) -> str:
        """A metric: the study's name for it, else that of its component, with its split."""
        return within_sentence(self.given[name]) if name in self.given else metric(name)

    def level(self, value: Any, most: int | None = None) -> str:
        """A level: the study's name for it, else the value in words; shortened to `most` characters."""
        text = self.given.get(str(value)) or value_in_words(parse(value))
        return text if most is None or len(text) <= most else text[: most - 1] + "…"


PLAIN = DisplayNames()  # without names of a study's own


def within_sentence(name: str) -> str:
    """`Learning rate` is `learning rate` within a sentence; `IoU`, `Dice weight` and `U-Net depth` stay as they are."""
    first = name.split(" ")[0]
    plain = first[:1].isupper() and first[1:].isalpha() and first[1:].islower()
    return name[:1].lower() + name[1:] if plain and first.lower() not in _components() else name


@cache
def _components() -> set[str]:
    return {name for kind in KINDS_WITH_PROPER_NAMES for name in registry.classes(kind)}


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
    return _title(name) or outer_and_last(name)[1].replace("_", " ")


def _title(name: str) -> str | None:
    """The title of the setting at a dotted key; of a component's key, that of the first component that has it."""
    models: list[type[BaseModel]] = [Train]
    title = None
    for part in keys_of(name):
        # A component that narrows a key of its kind (`name`, `arch`) leaves the title to the kind's class.
        lines = [cls for model in models for cls in model.__mro__ if issubclass(cls, BaseModel)]
        fields = [cls.model_fields[part] for cls in lines if part in cls.model_fields]
        models = [inner for field in fields for inner in models_in(field.annotation)]
        title = next((field.title for field in fields if field.title), None)
    return title
