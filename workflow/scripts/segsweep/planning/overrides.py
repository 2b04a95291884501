"""Complete training settings from a base and what a cell changes, each section checked once."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import ValidationError, create_model

from segsweep.config.dotted_keys import keys_of, lookup
from segsweep.config.merging import overridden
from segsweep.config.settings import Settings
from segsweep.config.yaml_documents import parse
from segsweep.errors import InputError
from segsweep.planning.cell_settings import CellSettings
from segsweep.planning.lost_values import LostValue, lost_values, written_values


@dataclass(frozen=True, slots=True)
class Section:
    """One checked top-level key of a setting.

    Attributes:
        value: as checked.
        dump: in JSON's types.
        text: what tells it from others: the keys that differ from their defaults; empty where none does.
    """

    value: Any
    dump: Any
    text: str


@dataclass(frozen=True)
class Resolved:
    """A complete, checked training setting.

    Attributes:
        sections: by their names.
        raw: the setting as it is written.
        location: says where a key of it stands.
        lost: values that the study sets and that are not in force.
    """

    sections: dict[str, Section]
    raw: dict[str, Any]
    location: Callable[[tuple], str]
    lost: tuple[LostValue, ...] = ()

    @cached_property
    def dump(self) -> dict[str, Any]:
        """The setting as plain JSON values, every key filled in."""
        return {name: section.dump for name, section in self.sections.items()}

    @property
    def text(self) -> str:
        """What tells the setting from others."""
        return "\n".join(f"{name}={section.text}" for name, section in self.sections.items() if section.text)


class Resolver:
    """Resolves the cells of one study: the base is parsed once, and each new section value once."""

    def __init__(self, start: CellSettings):
        """`start` is what cells start from, and what checks them."""
        self.start, self.kind, self.base = start, start.kind, start.base
        self._cache: dict[tuple, tuple[Section, Any, tuple[LostValue, ...]]] = {}
        settings = parse(self.kind, self.base, start.location)
        self._checked = {name: getattr(settings, name) for name in self.kind.model_fields}
        self._sections = {name: self._section(name, value) for name, value in self._checked.items()}
        self._alone: dict[str, type[Settings]] = {}
        self._written: dict[str, list[tuple[str, Any, Any]]] = {}

    @property
    def dump(self) -> dict[str, Any]:
        """The base as plain JSON values, every key filled in."""
        return {name: section.dump for name, section in self._sections.items()}

    def resolve(self, changes: dict[str, Any], location) -> Resolved:
        """The base with dotted keys changed.

        Raises:
            InputError: a key is unknown, a value is out of range, or keys exclude each other.
        """
        resolved = self.lay_over(changes, location)
        self.refuse_contradictions(resolved)
        return resolved

    def refuse_contradictions(self, setting: Resolved) -> None:
        """Refuse a complete setting in which keys exclude each other.

        Raises:
            InputError: there are such keys.
        """
        if wrong := self.start.contradictions({name: one.value for name, one in setting.sections.items()}):
            raise InputError(*(f"{setting.location(keys)}: {problem}" for keys, problem in wrong))

    def lay_over(self, changes: dict[str, Any], location) -> Resolved:
        """As `resolve`, of a part of what a cell changes: another part may solve what keys exclude.

        Raises:
            InputError: a key is unknown or a value is out of range.
        """
        changes = derive(self.kind, changes, self.base, location)
        by_section: dict[str, dict[str, Any]] = {}
        for dotted, value in changes.items():
            by_section.setdefault(dotted.partition(".")[0], {})[dotted] = value
        sections, raw, lost = dict(self._sections), dict(self.base), ()
        for name, part in by_section.items():
            cache_key = (name, repr(part))  # tells 1 from 1.0 and true
            if cache_key not in self._cache:
                self._cache[cache_key] = self._check(name, part, location)
            sections[name], raw[name], of_section = self._cache[cache_key]
            lost += of_section
        return Resolved(sections, raw, location, lost)

    def _check(self, name: str, changes: dict[str, Any], location) -> tuple[Section, Any, tuple[LostValue, ...]]:
        changed = overridden(self.kind, {name: self.base[name]} if name in self.base else {}, changes, location)
        checked = self._section(name, self._value(name, changed, location))
        if name not in self._written:
            self._written[name] = written_values(self.start, name, self._sections[name].dump)
        lost = lost_values(self.start, name, self._written[name], changes, checked.dump)
        return checked, changed[name], lost

    def _value(self, name: str, changed: dict[str, Any], location) -> Any:
        """A changed section, checked."""
        if name in self.kind.model_fields:
            if name not in self._alone:
                self._alone[name] = alone(self.kind, name)
            with suppress(ValidationError):  # told below, with the other keys that there are
                return getattr(self._alone[name].model_validate({name: changed[name]}), name)
        # The other sections as they were checked: pydantic would copy its defaults for each cell.
        return getattr(parse(self.kind, self._checked | changed, location), name)

    def _section(self, name: str, value: Any) -> Section:
        dump = value.model_dump(mode="json") if hasattr(value, "model_dump") else value
        return Section(value, dump, self.start.text(name, value, dump))


def alone(kind: type[Settings], name: str) -> type[Settings]:
    """A class with one of the keys of another: what checks it, where the class has no checks of several keys."""
    field = kind.model_fields[name]
    return create_model(kind.__name__, __base__=Settings, **{name: (field.annotation, field)})


def derive(kind: type[Settings], changes: dict[str, Any], base: dict[str, Any], location) -> dict[str, Any]:
    """Fill in values that follow from others: `{linear_in: batch_size, at: {32: 2e-3}}`.

    Raises:
        InputError: the rule is incomplete, or the key that it follows is not a number.
    """
    rules = {dotted: value for dotted, value in changes.items() if isinstance(value, dict) and "linear_in" in value}
    if not rules:
        return changes
    changes = {dotted: value for dotted, value in changes.items() if dotted not in rules}
    values = overridden(kind, base, changes, location)
    for dotted, value in rules.items():
        where = location(tuple(keys_of(dotted)))
        if set(value) != {"linear_in", "at"} or not isinstance(value["at"], dict) or len(value["at"]) != 1:
            raise InputError(f"{where}: {dotted} is {value!r}; write {{linear_in: KEY, at: {{VALUE OF KEY: RESULT}}}}.")
        ((at, result),) = value["at"].items()
        other = lookup(values, value["linear_in"])
        if not isinstance(other, int | float) or not isinstance(at, int | float) or not isinstance(result, int | float):
            raise InputError(
                f"{where}: {dotted} follows {value['linear_in']}, which is {other!r}: both must be numbers, and set."
            )
        changes[dotted] = result * other / at
    return changes
