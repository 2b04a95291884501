"""Which components of own code the trainings of a study call: `check_components` tries them before the first one."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from segsweep import registry
from segsweep.config.settings import Component, Settings
from segsweep.config.train import Data
from segsweep.own_code.names import own_name
from segsweep.planning.addresses import is_nested
from segsweep.planning.overrides import Resolved


@dataclass(frozen=True)
class OwnPart:
    """A component of own code in a training setting.

    Attributes:
        key: of `train` where it stands: `model`, `loss.main.my/loss.py:build`.
        component: its settings.
        train: the setting, complete, as plain JSON values.
    """

    key: str
    component: Component
    train: dict[str, Any]


def own_parts(settings: Iterable[Resolved]) -> list[OwnPart]:
    """The components of own code in some settings. Of those that differ in nothing but numbers with fractional digits
    (rates, weights) the first one: others say no more about the code.
    """
    found: dict[str, OwnPart] = {}
    known: set[int] = set()  # sections that were looked at; cells share them, and they live as long as the settings
    for one in settings:
        for name, section in one.sections.items():
            if id(section) in known:
                continue
            known.add(id(section))
            for key, component in own_components(section.value, name):
                identity = json.dumps([key, _without_fractions(component.model_dump(mode="json"))], sort_keys=True)
                found.setdefault(identity, OwnPart(key, component, one.dump))
    return list(found.values())


def as_text(parts: Iterable[OwnPart]) -> str:
    """The content of own_components.json."""
    return json.dumps([{"key": one.key, "train": one.train} for one in parts], sort_keys=True)


def own_components(value: Any, key: str = "") -> Iterator[tuple[str, Component]]:
    """The components of own code in settings, each with the key where it stands, below `key`."""
    if isinstance(value, Component) and value.own:
        yield key, value
    if isinstance(value, Data) and own_name(value.augmentation):
        yield f"{key}.augmentation", registry.find("augmentation", value.augmentation)()
    for name, part in _parts(value):
        if is_nested(part):
            yield from own_components(part, f"{key}.{name}" if key else name)


def _parts(value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, Settings):
        return vars(value).items()
    return ((str(number), one) for number, one in enumerate(value)) if isinstance(value, list) else ()


def _without_fractions(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_fractions(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_fractions(one) for one in value]
    return None if isinstance(value, float) and not value.is_integer() else value
