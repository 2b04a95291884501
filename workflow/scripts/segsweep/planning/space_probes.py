"""Settings that show before the first trial what is wrong with a sweep's space, or lost in it."""

from collections.abc import Iterator
from typing import Any

from segsweep.config.search import Dimension
from segsweep.search.space import Space, Values, active, at_level, steps, tidy

# Where in a continuous range a number lies that has fractional digits, as most that are drawn.
INSIDE = 0.381966


def probes(space: Space) -> Iterator[Values]:
    """Each choice and both ends of each range once, with what its `when` waits for and with the axes inside of it."""
    for axis in space:
        for value in _values(space[axis]):
            values = _condition(space, axis) | {axis: value}
            inner = [one for one in space if one.startswith(axis + ".") and active(space[one], values)]
            yield values | {one: _values(space[one])[0] for one in inner if one not in values}


def _condition(space: Space, axis: str) -> Values:
    """Values under which an axis exists."""
    found: Values = {}
    for other, allowed in space[axis].when.items():
        first = allowed[0] if isinstance(allowed, list) else allowed
        found |= (_condition(space, other) if other in space else {}) | {other: first}
    return found


def _values(dimension: Dimension) -> list[Any]:
    if dimension.choices is not None:
        return dimension.choices
    if dimension.step is not None:
        return [at_level(dimension, level) for level in (0, steps(dimension))]
    if dimension.integer:
        return [int(dimension.low), int(dimension.high)]
    return [dimension.low, dimension.high, tidy(dimension, dimension.low + INSIDE * (dimension.high - dimension.low))]
