"""The one rule of overrides, for every place where a study changes settings: docs/overrides.md says it in words."""

import copy
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from segsweep.config.dotted_keys import keys_of
from segsweep.config.settings import Settings
from segsweep.config.yaml_documents import models_in
from segsweep.errors import InputError
from segsweep.own_code.names import own_name

Classes = tuple[type[Settings], ...]


def overridden(cls: type[Settings], values: dict[str, Any], changes: dict[str, Any], location) -> dict[str, Any]:
    """Values with dotted keys changed: less specific keys first, in whatever order they stand.

    Args:
        cls: class of settings that the values are of.
        values: nested mappings of YAML; they stay as they are.
        changes: value by dotted key.
        location: says where a key stands.

    Raises:
        InputError: a key lies in something that is no section, or that another of the keys replaces.
    """
    _check_parts(cls, changes, location)
    for dotted in sorted(changes, key=lambda one: len(keys_of(one))):
        values = _assigned((cls,), values, keys_of(dotted), changes[dotted], location)
    return values


def merged(classes: Classes, values: Any, changes: Any) -> Any:
    """A mapping laid over another: keys that it does not have stay, at every depth.

    Of a class of settings that is `whole`, and where either is no mapping, the changes replace the values.
    """
    values, changes = _spelled_out(classes, values, changes), _spelled_out(classes, changes, values)
    if isinstance(values, dict) and isinstance(changes, dict) and not _is_whole(classes):
        inner = {name: merged(section(classes, name), values.get(name), value) for name, value in changes.items()}
        return values | inner
    return copy.deepcopy(changes)


def section(classes: Iterable[type[Settings]], dotted: str) -> Classes:
    """The classes of settings that a dotted key of these classes may hold; none for a number or a free mapping."""
    return _section(tuple(classes), dotted)


@lru_cache(maxsize=10_000)  # each cell of a study asks for the same keys
def _section(classes: Classes, dotted: str) -> Classes:
    for name in keys_of(dotted):
        classes = tuple(dict.fromkeys(model for cls in classes for model in _classes_of_key(cls, name)))
    return classes


def _classes_of_key(cls: type[Settings], name: str) -> list[type[Settings]]:
    if name in cls.model_fields:
        return models_in(cls.model_fields[name].annotation)
    return [cls.of_own_keys] if cls.of_own_keys and own_name(name) else []


def leaves(classes: Classes, values: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted key, value) of all that a section writes, short forms spelled out."""
    values = _spelled_out(classes, values, {})
    if not isinstance(values, dict):
        yield prefix, values
        return
    for name, value in values.items():
        yield from leaves(section(classes, str(name)), value, f"{prefix}.{name}" if prefix else str(name))


def decides(cls: type[Settings], changed: str, level: Any, key: str) -> bool:
    """Whether a change says what the value of a key is: it has the key, or a null, a number or a sum without it."""
    if not key.startswith(changed + "."):
        return changed == key or changed.startswith(key + ".")
    classes = section([cls], changed)
    for name in keys_of(key[len(changed) + 1 :]):
        level = _spelled_out(classes, level, {})
        if not isinstance(level, dict):
            return True
        if name not in level:
            return _is_whole(classes)
        classes, level = section(classes, name), level[name]
    return True


def _assigned(classes: Classes, values: Any, names: list[str], value: Any, location, done: tuple[str, ...] = ()) -> Any:
    if not names:
        return merged(classes, values, value)
    values = {} if values is None else _spelled_out(classes, values, {})
    name, *further = names
    if not isinstance(values, dict):
        here, key = ".".join(done), ".".join((*done, *names))
        raise InputError(
            f"{location((*done, *names))}: {key} addresses a key inside {here}, which is {values!r}. Set {here} "
            "to a section instead, with this key in it."
        )
    inner = _assigned(section(classes, name), values.get(name), further, value, location, (*done, name))
    return values | {name: inner}


def _spelled_out(classes: Classes, value: Any, beside: Any) -> Any:
    """A short form as the mapping that it stands for, where there is a mapping `beside` it; else the value."""
    if isinstance(beside, dict) and not isinstance(value, dict) and value is not None:
        return next((long for cls in classes if (long := cls.spelled_out(value)) is not value), value)
    return value


def _is_whole(classes: Classes) -> bool:
    return any(cls.whole for cls in classes)


def _check_parts(cls: type[Settings], changes: dict[str, Any], location) -> None:
    """Refuse a key in something that another key replaces by what has no such key: null, a sum without that loss."""
    for outer in changes:
        for inner in changes:
            if not inner.startswith(outer + "."):
                continue
            classes, here, path = section([cls], outer), changes[outer], outer
            names = keys_of(inner[len(outer) + 1 :])
            for left, name in enumerate(names, 1 - len(names)):
                here = _spelled_out(classes, here, {})
                fits = isinstance(here, dict) and (name in here or left == 0 or not _is_whole(classes))
                if not fits:
                    found = f"{path} is {here!r}" if path == outer else f"{path} of {outer} is {here!r}"
                    raise InputError(
                        f"{location(tuple(keys_of(inner)))}: {inner} lies in {outer}, and {found}: it has no "
                        f"{inner[len(path) + 1 :]}. Write a list of two grids (or two runs), one with {outer} alone."
                    )
                if name not in here:
                    break
                classes, here, path = section(classes, name), here[name], f"{path}.{name}"
