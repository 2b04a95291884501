"""The space of a sweep: which axes are active, which points a finite space has, what is wrong with it."""

import itertools
import json
import math
from collections.abc import Callable, Iterator
from typing import Any

from segsweep.config.dotted_keys import ABSENT
from segsweep.config.search import Dimension, Sweep
from segsweep.formatting import value_in_words

Space = dict[str, Dimension]
Values = dict[str, Any]


def order(space: Space) -> list[str]:
    """The axes, each after those that its `when` speaks of.

    Raises:
        ValueError: the conditions form a circle.
    """
    ordered: list[str] = []
    while len(ordered) < len(space):
        free = [
            axis
            for axis, dimension in space.items()
            if axis not in ordered and all(other in ordered or other not in space for other in dimension.when)
        ]
        if not free:
            circle = [axis for axis in space if axis not in ordered]
            raise ValueError(f"the conditions of {', '.join(circle)} form a circle")
        ordered += free
    return ordered


def active(dimension: Dimension, values: Values) -> bool:
    """Whether an axis exists where the other axes have these values."""
    return all(
        axis in values and any(same(values[axis], one) for one in (allowed if isinstance(allowed, list) else [allowed]))
        for axis, allowed in dimension.when.items()
    )


def same(a: Any, b: Any) -> bool:
    """Equality of values of YAML: 1 and 1.0 are equal, 1 and true are not."""
    return isinstance(a, bool) == isinstance(b, bool) and a == b


def identity(values: Values) -> str:
    """A text that two settings share if they are the same."""
    return json.dumps(values, sort_keys=True)


def levels(dimension: Dimension) -> list[Any] | None:
    """All values of an axis, or None where it is continuous."""
    if dimension.choices is not None:
        return list(dimension.choices)
    if dimension.step is not None:
        return [at_level(dimension, level) for level in range(steps(dimension) + 1)]
    return list(range(int(dimension.low), int(dimension.high) + 1)) if dimension.integer else None


def steps(dimension: Dimension) -> int:
    """How many steps fit between the bounds of an axis with `step`."""
    return math.floor((dimension.high - dimension.low) / dimension.step + 1e-9)


def at_level(dimension: Dimension, level: int) -> float | int:
    """The value that lies `level` steps above the lower bound, without the dust of binary fractions."""
    value = float(f"{dimension.low + level * dimension.step:.12g}")
    return round(value) if dimension.integer else value


def tidy(dimension: Dimension, value: float) -> float:
    """A drawn number with six significant digits, inside the bounds: readable, and the same on every machine."""
    return min(max(float(f"{value:.6g}"), dimension.low), dimension.high)


def choice_name(dimension: Dimension, value: Any) -> Any:
    """What a choice is called where no section or list can stand: in words; as JSON if another has these words."""
    if not isinstance(value, dict | list):
        return value
    words = value_in_words(value)
    alike = [one for one in dimension.choices if words in (one, value_in_words(one))]
    return words if len(alike) == 1 else json.dumps(value, sort_keys=True)


def points(space: Space) -> Iterator[Values]:
    """All settings of a finite space, in the order of its axes and values; each once."""
    axes = order(space)
    seen = set()
    for combination in itertools.product(*(levels(space[axis]) for axis in axes)):
        values: Values = {}
        for axis, value in zip(axes, combination, strict=True):
            if active(space[axis], values):
                values[axis] = value
        if identity(values) not in seen:
            seen.add(identity(values))
            yield values


def count(dimension: Dimension) -> int:
    """How many values a countable axis has."""
    if dimension.choices is not None:
        return len(dimension.choices)
    return 1 + (steps(dimension) if dimension.step is not None else int(dimension.high) - int(dimension.low))


def is_finite(space: Space) -> bool:
    """Whether no axis is continuous."""
    return all(
        dimension.choices is not None or dimension.step is not None or dimension.integer for dimension in space.values()
    )


def inside(space: Space, values: Values) -> bool:
    """Whether a setting is one of the space: each active axis has a value that it allows, no other has any."""
    wanted = {axis for axis in order(space) if active(space[axis], values)}
    return wanted == set(values) and all(as_value(space[axis], value) is not ABSENT for axis, value in values.items())


def as_value(dimension: Dimension, value: Any) -> Any:
    """A value as the axis has it, of its type; `ABSENT` if the axis does not allow it."""
    known = levels(dimension) if dimension.choices is not None or dimension.step is not None else None
    if known is not None:
        return next((one for one in known if same(one, value)), ABSENT)
    if isinstance(value, bool) or not isinstance(value, int | float) or not dimension.low <= value <= dimension.high:
        return ABSENT
    if dimension.integer:
        return int(value) if value == int(value) else ABSENT
    return float(value)


def values_in_words(dimension: Dimension) -> str:
    """The values that an axis has: `1e-4 to 1e-2`, `adamw, sgd`."""
    if dimension.choices is not None:
        return ", ".join(map(value_in_words, dimension.choices))
    low, high = value_in_words(dimension.low), value_in_words(dimension.high)
    steps = f" in steps of {value_in_words(dimension.step)}" if dimension.step is not None else ""
    return f"{low} to {high}{steps}{', whole numbers' if dimension.integer else ''}"


def problems(sweep: Sweep, location: Callable[[tuple], str]) -> list[str]:
    """What is wrong with a sweep's space beyond what its settings check, each with file, line and remedy.

    Args:
        sweep: the section of the study.
        location: `file:line` of a key of the study file.
    """
    found = []
    space = sweep.space
    for axis, dimension in space.items():
        where = location(("sweep", "space", axis))
        bounds = (dimension.low, dimension.high, dimension.step)
        if dimension.integer and any(bound is not None and bound != int(bound) for bound in bounds):
            found.append(f"{where}: {axis} is integer, but a bound or its step is not. Give whole numbers.")
        if dimension.choices and len({identity({"": one}) for one in dimension.choices}) < len(dimension.choices):
            found.append(f"{where}: a choice of {axis} is repeated: {dimension.choices}. Leave one out.")
        if sweep.sampler.enumerates and levels(dimension) is None:
            found.append(
                f"{where}: the sampler {sweep.sampler.name} needs countable axes, and {axis} is continuous. "
                "Give it `step`, `integer: true` or a list, or choose another sampler."
            )
        for other, allowed in dimension.when.items():
            found += _about_condition(space, axis, other, allowed, where)
    try:
        order(space)
    except ValueError as error:
        found.append(f"{location(('sweep', 'space'))}: {error}. Take a `when` out.")
    return found


def _about_condition(space: Space, axis: str, other: str, allowed: Any, where: str) -> list[str]:
    if other not in space:
        return [f"{where}: `when` of {axis} speaks of {other!r}, which is no axis of the space: {', '.join(space)}."]
    known = levels(space[other]) if space[other].choices is not None else None
    values = allowed if isinstance(allowed, list) else [allowed]
    wrong = [value for value in values if known is not None and not any(same(value, one) for one in known)]
    return [f"{where}: `when` of {axis} waits for {other}: {value!r}, allowed are {known}." for value in wrong]
