"""Nested dictionaries of YAML by dotted keys: `optimizer.lr`."""

from typing import Any

ABSENT = object()  # in place of a value, where there is no such key: momentum of Adam


def lookup(values: Any, dotted: str, default: Any = None) -> Any:
    """The value at a dotted key, or `default`."""
    for name in dotted.split("."):
        if not isinstance(values, dict) or name not in values:
            return default
        values = values[name]
    return values


def value_in(dump: dict[str, Any], dotted: str) -> Any:
    """The value at a dotted key of a complete setting; `ABSENT` where the setting has no such key."""
    return lookup(dump, dotted, ABSENT)
