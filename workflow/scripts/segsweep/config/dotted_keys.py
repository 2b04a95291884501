"""Nested dictionaries of YAML by dotted keys: `optimizer.lr`."""

from typing import Any


def lookup(values: Any, dotted: str, default: Any = None) -> Any:
    """The value at a dotted key, or `default`."""
    for name in dotted.split("."):
        if not isinstance(values, dict) or name not in values:
            return default
        values = values[name]
    return values
