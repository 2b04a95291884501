"""Settings of what is right in plain values, so that a person learns at once what else is wrong."""

import copy
from collections.abc import Callable
from operator import eq
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from segsweep.config.yaml_documents import MOST_PROBLEMS, in_words, meant_key, wrong_keys
from segsweep.errors import LEFT_OUT, Problems

MOST_ROUNDS = 10  # in each, what is left out lets further keys be checked


class RightSettings(NamedTuple):
    """Settings of values of which some were left out.

    Attributes:
        settings: with defaults in place of what was left out.
        values: of which they are made.
        location: says where a key stands; `LEFT_OUT` of one that is wrong, holds what is wrong, or lies in it, and of
            one that was misspelt.
    """

    settings: Any
    values: dict[str, Any]
    location: Callable[[tuple], str]


def right_settings(cls: type[BaseModel], values: dict[str, Any], location, problems: Problems) -> RightSettings | None:
    """Settings of what is right in plain values; None where without the rest they are none.

    Args:
        cls: class of the settings.
        values: as a person wrote them; they stay as they are.
        location: `file:line` of a key.
        problems: what is wrong is added to it.
    """
    values, left_out = copy.deepcopy(values), list[tuple]()

    def judged(keys: tuple) -> str:
        return LEFT_OUT if any(_touches(keys, one) for one in left_out) else location(keys)

    for _ in range(MOST_ROUNDS):
        try:
            return RightSettings(cls.model_validate(copy.deepcopy(values)), values, judged)
        except ValidationError as error:
            entries = error.errors()
        problems.add(in_words(cls, entries, judged))
        if len(entries) > MOST_PROBLEMS:  # what is wrong is the file
            return None
        wrong = [_in_no_list(keys) for entry in entries for keys in wrong_keys(cls, entry)]
        # A misspelt key counts as the one that it seems to be.
        meant = [keys for entry in entries if (keys := meant_key(cls, entry)) and _put(values, keys, entry["input"])]
        if not all(wrong) or sum(_leave_out(values, keys) for keys in wrong) == 0:
            return None
        left_out += wrong + meant
    return None


def _touches(keys: tuple, other: tuple) -> bool:
    """Whether one of two keys is the other, or lies in it."""
    return bool(keys) and all(map(eq, keys, other))


def _in_no_list(keys: tuple) -> tuple:
    """The keys without an item of a list at their end: the list is left out, as lines of other items must stay."""
    while keys and isinstance(keys[-1], int):
        keys = keys[:-1]
    return keys


def _leave_out(values: dict[str, Any], keys: tuple) -> bool:
    """Take a key out of nested values, or what stands in place of its section; whether there was such."""
    section, here = None, values
    for name in keys:
        if isinstance(here, dict):
            if name not in here:
                return False
            section, last = here, name
        elif not (isinstance(here, list) and isinstance(name, int)):  # a short form of the section
            break
        here = here[name]
    if section is None:
        return False
    del section[last]
    return True


def _put(values: dict[str, Any], keys: tuple, value: Any) -> bool:
    """Put a key into nested values; whether it was not there."""
    *outer, last = keys
    for name in outer:
        values = values[name]
    if last in values:
        return False
    values[last] = copy.deepcopy(value)
    return True
