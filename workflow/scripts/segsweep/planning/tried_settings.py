"""Which settings `check_study` tries before the first training: one for each section that says something new."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypedDict

from segsweep.config.augmentations import read_augmentation
from segsweep.config.dataset_keys import Dataset
from segsweep.config.train import Data, Train
from segsweep.data.classes import class_names
from segsweep.errors import InputError
from segsweep.hashing import short_hash
from segsweep.io import read_json
from segsweep.planning.overrides import Resolved, Section
from segsweep.planning.own_components import own_components

SECTIONS = ("model", "loss", "optimizer", "scheduler", "data")  # what torch and its libraries have a say in
EXACT = frozenset({str, int, bool, type(None)})  # what counts as it is, as most values do
WHERE = {"data": ("data", "augmentation")}  # the key that is tried of a section, where it is not all of it


class TriedSetting(TypedDict):
    """A training setting of which one section is tried.

    Attributes:
        section: name of the section: `model`.
        where: file and line of the study that say so.
        train: the setting, complete, as plain JSON values.
        transforms: those of an augmentation, whose file is no part of the setting; else none.
    """

    section: str
    where: str
    train: dict[str, Any]
    transforms: list[Any]


class TriedStudy(TypedDict):
    """The content of tried_settings.json.

    Attributes:
        task: of the data set.
        classes: names of all its classes.
        channels, dtype: of its images; None where it is not known before they are prepared.
        settings: to be tried.
    """

    task: str
    classes: list[str]
    channels: int | None
    dtype: str | None
    settings: list[TriedSetting]


def tried_study(
    settings: Iterable[Resolved], dataset: Dataset, channels: int | None, dtype: str | None
) -> TriedStudy | None:
    """What is tried of a study; None where all of it lies in a person's own files.

    Args:
        settings: of the study.
        dataset: that it trains on.
        channels, dtype: of its images; None where it is not known yet.
    """
    tried = tried_settings(settings)
    images = {"channels": channels, "dtype": dtype}
    return {"task": dataset.task, "classes": class_names(dataset), **images, "settings": tried} if tried else None


def tried_settings(settings: Iterable[Resolved]) -> list[TriedSetting]:
    """A setting for each different value of a section.

    Values that differ in nothing but how large their numbers with fractional digits are (rates, weights, decays) count
    as one: below 0, to 1 and above. Of the data the augmentation is tried. What lies in a person's own file is tried by
    `check_components`, on the data.
    """
    found: dict[str, TriedSetting] = {}
    known: set[int] = set()  # sections that were looked at; cells share them, and they live as long as the settings
    for one in settings:
        for name in SECTIONS:
            section = one.sections[name]
            if id(section) in known:
                continue
            known.add(id(section))
            transforms = _transforms(section.value) if name == "data" else []
            if not transforms if name == "data" else _is_own(name, section):
                continue
            says = [section.value.augmentation_backend, transforms] if name == "data" else _coarse(section.dump)
            identity = repr((name, says))
            if identity not in found:
                where = one.location(WHERE.get(name, (name,)))
                found[identity] = {"section": name, "where": where, "train": one.dump, "transforms": transforms}
    return list(found.values())


def read_tried(path: Path) -> TriedStudy:
    """Read tried_settings.json.

    Raises:
        InputError: it is not there, or no such file.
    """
    content = read_json(path, "Plan the study first.")
    try:
        for one in content["settings"]:
            for key in TriedSetting.__annotations__:
                one[key]
            Train.model_validate(one["train"])
        for key in TriedStudy.__annotations__:
            content[key]
    except (LookupError, TypeError, ValueError) as error:
        raise InputError(f"{path}: is no list of settings to try ({error!r}). Delete it; it is made again.") from error
    return content


def digest(study: TriedStudy) -> str:
    """Stands for what is tried, wherever the study says it."""
    settings = [(one["section"], one["train"], one["transforms"]) for one in study["settings"]]
    return short_hash((json.dumps([study | {"settings": settings}], sort_keys=True),))


def _is_own(name: str, section: Section) -> bool:
    return any(True for _ in own_components(section.value, name))


def _transforms(data: Data) -> list[Any]:
    """Those of an augmentation that a library carries out."""
    backend = data.augmentation_backend
    return [] if backend == "own" else read_augmentation(data.augmentation, backend=backend)


def _coarse(value: Any) -> Any:
    """A value without the digits of its numbers."""
    if isinstance(value, float):
        return "below 0" if value < 0 else "to 1" if value <= 1 else "above 1"
    if isinstance(value, dict):
        return {key: one if type(one) in EXACT else _coarse(one) for key, one in value.items()}
    return [_coarse(one) for one in value] if isinstance(value, list) else value
