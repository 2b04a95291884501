"""What the cells of a study start from, and what checks them: `train`, or the parameters of a program."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from segsweep.config import contradictions
from segsweep.config.program_checks import UnreadableTexts
from segsweep.config.program_settings import BESIDE, program_settings, written_keys
from segsweep.config.settings import Settings
from segsweep.config.study import Study
from segsweep.config.train import Train
from segsweep.errors import LEFT_OUT
from segsweep.planning.addresses import InForce, as_text, difference

ANY_TASK = InForce()


@dataclass(frozen=True)
class CellSettings:
    """What cells start from.

    Attributes:
        kind: class of complete settings.
        base: what the study says of one, raw.
        location: says where a key of it stands in the study file.
        origin: what that part of the study file is called.
        text: of a top-level key, its value and its dump, what tells it from others; empty where nothing does.
        contradictions: of the checked top-level keys of a setting, what cannot stand there, as in
            `segsweep.config.contradictions`.
    """

    kind: type[Settings]
    base: dict[str, Any]
    location: Callable[[tuple], str]
    origin: str
    text: Callable[[str, Any, Any], str]
    contradictions: Callable[[Mapping[str, Any]], list[tuple[tuple[str, ...], str]]]


def cell_settings(study: Study, base: dict[str, Any], location: Callable[[tuple], str]) -> CellSettings:
    """What the cells of a study start from.

    Args:
        study: after `smoke`.
        base: `Loaded.base`.
        location: `file:line` of a key of the study file.
    """
    if study.command is None:
        return of_train(base, lambda keys: location(("train", *keys)))
    parameters = {name: value for name, value in base.items() if name not in BESIDE}

    def where(keys: tuple) -> str:
        if keys[0] in (*BESIDE, "command", "parameters"):
            return location(keys)
        return location(("parameters", *written_keys(study.parameters, keys)))

    def text(name: str, _value: Any, dump: Any) -> str:
        # A study that is extended keeps its cells.
        return "" if name in BESIDE and dump == base[name] else as_text(dump)

    wrong = UnreadableTexts(parameters).problems
    return CellSettings(program_settings(parameters), base, where, "parameters", text, wrong)


def of_train(base: dict[str, Any], location: Callable[[tuple], str]) -> CellSettings:
    """What cells that segsweep trains start from: raw `train`, of which `location` says where a key stands."""

    @cache  # asked for each cell
    def is_whole() -> bool:
        return all(location((name,)) != LEFT_OUT for name in Train.model_fields)

    def wrong(values: Mapping[str, Any]) -> list[tuple[tuple[str, ...], str]]:
        # Of a `train` of which something is left out, nobody knows.
        return contradictions.contradictions(values) if is_whole() else []

    return CellSettings(Train, base, location, "train", _text_of_train, wrong)


def _text_of_train(name: str, value: Any, _dump: Any) -> str:
    """The keys that differ from their defaults."""
    added = difference(Train, name, value, ANY_TASK)
    return as_text(added[0]) if added else ""
