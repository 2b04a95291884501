"""What a nested value has otherwise than another, by dotted key: plan.json holds settings in this form.

The settings of ten thousand cells are the same but for an axis or two. One of them is written out, and of the others
what differs: `{"optimizer.lr": 0.0005}`. What stands at a key replaces the value there as a whole; the key "" stands
for all of it.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

_encode = json.JSONEncoder().encode


def differences(value: Any, base: Any, dotted: str = "") -> dict[str, Any]:
    """What a value has otherwise than the base, by dotted key.

    Args:
        value, base: of JSON's types.
        dotted: where both stand.
    """
    if value is base or (type(value) is type(base) and isinstance(value, str | int) and value == base):
        return {}
    if (
        isinstance(value, dict)
        and isinstance(base, dict)
        and _are_plain(names := tuple(value))
        and names == tuple(base)
    ):
        found: dict[str, Any] = {}
        for name, one, other in zip(names, value.values(), base.values(), strict=True):
            if one is not other:
                found |= differences(one, other, f"{dotted}.{name}" if dotted else name)
        return found
    # By their texts: 1, 1.0 and true are equal, and not the same.
    return {} if _encode(value) == _encode(base) else {dotted: value}


def with_differences(base: Any, found: Mapping[str, Any]) -> Any:
    """The value that differs so from the base, with which it shares all that is the same."""
    if "" in found:
        return found[""]
    if not found:
        return base
    value = dict(base)
    for dotted, one in found.items():
        *outer, last = dotted.split(".")
        here = value
        for name in outer:
            here[name] = dict(here[name])
            here = here[name]
        here[last] = one
    return value


@lru_cache(maxsize=1000)
def _are_plain(names: tuple[Any, ...]) -> bool:
    """Whether keys can be parts of a dotted key."""
    return all(isinstance(name, str) and name and "." not in name for name in names)
