"""Which settings `check_study` tries before the first training: one for each section that says something new."""

import json
from collections.abc import Iterable
from typing import Any, TypedDict

from segsweep.config.dataset_keys import Dataset
from segsweep.data.classes import class_names
from segsweep.hashing import short_hash
from segsweep.planning.overrides import Resolved, Section
from segsweep.planning.own_components import own_components

SECTIONS = ("model", "loss", "optimizer", "scheduler")  # what torch and its libraries have a say in


class TriedSetting(TypedDict):
    """A training setting of which one section is tried.

    Attributes:
        section: name of the section: `model`.
        where: file and line of the study that say so.
        train: the setting, complete, as plain JSON values.
    """

    section: str
    where: str
    train: dict[str, Any]


class TriedStudy(TypedDict):
    """The content of tried_settings.json.

    Attributes:
        task: of the data set.
        classes: names of all its classes.
        channels: of its images; None where it is not known before they are prepared.
        settings: to be tried.
    """

    task: str
    classes: list[str]
    channels: int | None
    settings: list[TriedSetting]


def tried_study(settings: Iterable[Resolved], dataset: Dataset, channels: int | None) -> TriedStudy | None:
    """What is tried of a study; None where all of it lies in a person's own files.

    Args:
        settings: of the study.
        dataset: that it trains on.
        channels: of its images; None where it is not known yet.
    """
    tried = tried_settings(settings)
    names = class_names(dataset)
    return {"task": dataset.task, "classes": names, "channels": channels, "settings": tried} if tried else None


def tried_settings(settings: Iterable[Resolved]) -> list[TriedSetting]:
    """A setting for each different value of a section.

    Values that differ in nothing but how large their numbers with fractional digits are (rates, weights, decays) count
    as one: below 0, to 1 and above. What lies in a person's own file is tried by `check_components`, on the data.
    """
    found: dict[str, TriedSetting] = {}
    known: set[int] = set()  # sections that were looked at; cells share them, and they live as long as the settings
    for one in settings:
        for name in SECTIONS:
            section = one.sections[name]
            if id(section) in known:
                continue
            known.add(id(section))
            identity = json.dumps([name, _coarse(section.dump)], sort_keys=True)
            if identity not in found and not _is_own(name, section):
                found[identity] = {"section": name, "where": one.location((name,)), "train": one.dump}
    return list(found.values())


def digest(study: TriedStudy) -> str:
    """Stands for what is tried, wherever the study says it."""
    settings = [(one["section"], one["train"]) for one in study["settings"]]
    return short_hash((json.dumps([study | {"settings": settings}], sort_keys=True),))


def _is_own(name: str, section: Section) -> bool:
    return any(True for _ in own_components(section.value, name))


def _coarse(value: Any) -> Any:
    """A value without the digits of its numbers."""
    if isinstance(value, dict):
        return {key: _coarse(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_coarse(one) for one in value]
    if isinstance(value, float):
        return "below 0" if value < 0 else "to 1" if value <= 1 else "above 1"
    return value
