"""Nested dictionaries of YAML by dotted keys: `optimizer.lr`, `loss.main.my/loss.py:build.weight`."""

import re
from collections.abc import Mapping
from typing import Any

ABSENT = object()  # in place of a value, where there is no such key: momentum of Adam
# A name of own code (`segsweep.own_code.names`), in whose first folder a dot stands only behind `./`; or a plain key.
KEY = re.compile(r"(?:/|(?:\.\.?/)+)[^:]*\.py:\w+|[^./]*(?:/[^:]*)?\.py:\w+|[^.]*")


def keys_of(dotted: str) -> list[str]:
    """The keys that a dotted key is made of."""
    if ".py:" not in dotted:
        return dotted.split(".")
    found, start = [], 0
    while start <= len(dotted):
        found.append(KEY.match(dotted, start)[0])
        start += len(found[-1]) + 1
    return found


def outer_and_last(dotted: str) -> tuple[str, str]:
    """The dotted key of the section that a key lies in, empty at the top, and the key there."""
    *outer, last = keys_of(dotted)
    return ".".join(outer), last


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values by dotted key, the leaves alone: {"optimizer.lr": 0.001}. An empty section is a leaf."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def lookup(values: Any, dotted: str, default: Any = None) -> Any:
    """The value at a dotted key, or `default`."""
    for name in keys_of(dotted):
        if not isinstance(values, dict) or name not in values:
            return default
        values = values[name]
    return values


def value_in(dump: dict[str, Any], dotted: str) -> Any:
    """The value at a dotted key of a complete setting; `ABSENT` where the setting has no such key."""
    return lookup(dump, dotted, ABSENT)
