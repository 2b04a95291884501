"""Nested dictionaries of YAML by dotted keys: `optimizer.lr`."""

import copy
from typing import Any

from segsweep.errors import InputError


def assign(target: dict, dotted: str, value: Any, location) -> None:
    """Set a dotted key in nested dictionaries; a number on the way is a loss's short form, `{weight: number}`."""
    *parents, last = dotted.split(".")
    for depth, name in enumerate(parents):
        inner = target.get(name)
        if isinstance(inner, int | float) and not isinstance(inner, bool):
            inner = {"weight": inner}
        elif inner is None:
            inner = {}
        elif not isinstance(inner, dict):
            here = ".".join(parents[: depth + 1])
            raise InputError(f"{location((dotted,))}: {dotted} addresses a key inside {here}, which is {inner!r}.")
        # A copy: the base's own dictionaries are shared by all cells.
        target[name] = target = dict(inner)
    target[last] = copy.deepcopy(value)


def lookup(values: Any, dotted: str, default: Any = None) -> Any:
    """The value at a dotted key, or `default`."""
    for name in dotted.split("."):
        if not isinstance(values, dict) or name not in values:
            return default
        values = values[name]
    return values


def merged(base: Any, changes: Any) -> Any:
    """Nested dictionaries laid over each other; anything else is replaced."""
    if isinstance(base, dict) and isinstance(changes, dict):
        return base | {name: merged(base.get(name), value) for name, value in changes.items()}
    return copy.deepcopy(changes)
