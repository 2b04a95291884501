"""Inputs of planning, each with the answer that it must get: valid ones, to be changed."""

import json
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import yaml

from tests.faults.answers import REFUSED
from tests.faults.strays import Stray
from tests.workspace import SMALL

STUDY, DATASET = "config/studies/little.yaml", "config/datasets/tiny.yaml"
MUCH = 100_000  # characters
GOOD_STUDY = {
    "name": "little",
    "dataset": "tiny",
    "metric": "val/miou",
    "train": SMALL,
    "grid": {"loss.main": [{"cross_entropy": 1.0}, {"focal": 1.0}]},
}
GOOD_DATASET = {
    "name": "tiny",
    "reader": "demo",
    "task": "multiclass",
    "classes": {0: "background", 1: "one", 2: "two"},
    "demo": {"train": 4, "val": 2, "size": [32, 32], "classes": 2},
}


@dataclass(frozen=True)
class Case:
    """An input and the answer that it must get.

    Attributes:
        family: what kind of mistake it is.
        name: in words.
        files: contents by path, in place of the valid ones, or what lies there and is no file; None: there is nothing.
        config: what stands behind --config, as Snakemake hands it on.
        expected: `refused`, or `accepted` where segsweep is to take it as people mean it, or to pass over it.
        says: what the answer must hold.
    """

    family: str
    name: str
    files: dict[str, str | bytes | Stray | None] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    expected: str = REFUSED
    says: tuple[str, ...] = ()


def _as_yaml(values: Any, sort_keys: bool = True) -> str:
    if len(text := json.dumps(values)) > MUCH:  # which is YAML as well, and written in no time
        return text + "\n"
    return yaml.dump(values, Dumper=yaml.CSafeDumper, sort_keys=sort_keys)


def study(**changes: Any) -> str:
    """The valid study with other keys; None leaves one out."""
    values = deepcopy(GOOD_STUDY) | changes
    return _as_yaml({key: value for key, value in values.items() if value is not None}, sort_keys=False)


def raw(path: str, text: str, **changes: Any) -> str:
    """The valid study with a text, as it is written in YAML, as the value of a dotted key."""
    values: dict[str, Any] = deepcopy(GOOD_STUDY | changes)
    *outer, last = path.split(".")
    place = values
    for name in outer:
        place = place.setdefault(name, {}) if isinstance(place.get(name, {}), dict) else place
    place[last] = "PLACE"
    return _as_yaml(values, sort_keys=False).replace("PLACE", text)


def sweep(**keys: Any) -> str:
    """A study that searches."""
    space = {"optimizer.lr": {"low": 0.001, "high": 0.1, "log": True}}
    return study(grid=None, sweep={"trials": 4, "space": space} | keys)


def dataset(**changes: Any) -> str:
    """The valid data set with other keys; None leaves one out."""
    values = deepcopy(GOOD_DATASET) | changes
    return _as_yaml({key: value for key, value in values.items() if value is not None}, sort_keys=False)
