"""Settings that show before the first trial what is wrong with a sweep's space, or lost in it."""

from collections.abc import Iterator
from itertools import combinations, product
from typing import Any

from segsweep.config.search import Dimension
from segsweep.search.space import Space, Values, active, at_level, order, steps, tidy

# Names among the choices of an axis that are put together with those of another.
MOST_PAIRED = 30
# Where in a continuous range a number lies that has fractional digits, as most that are drawn.
INSIDE = 0.381966


def probes(space: Space) -> Iterator[Values]:
    """Values of trials: each choice and both ends of each range once, with what its `when` waits for."""
    for axis in order(space):
        for value in _values(space[axis]):
            yield _condition(space, axis) | {axis: value}


def pairs(space: Space) -> Iterator[Values]:
    """Values of trials: of each two axes, each two values once that can stand together.

    Of numbers the least and the greatest: each choice by itself is among the `probes`.
    """
    axes = order(space)
    for first, second in combinations(axes, 2):
        conditions = _condition(space, first) | _condition(space, second)
        for one, other in product(_telling(space[first]), _telling(space[second])):
            values = conditions | {first: one, second: other}
            if all(active(space[axis], values) for axis in values):
                yield values


def completed(space: Space, values: Values) -> Values:
    """A trial with these values, and of the other axes that it has with the first one each."""
    for axis in order(space):
        if axis not in values and active(space[axis], values):
            values = values | {axis: _values(space[axis])[0]}
    return values


def _condition(space: Space, axis: str) -> Values:
    """Values under which an axis exists."""
    found: Values = {}
    for other, allowed in space[axis].when.items():
        first = allowed[0] if isinstance(allowed, list) else allowed
        found |= (_condition(space, other) if other in space else {}) | {other: first}
    return found


def _telling(dimension: Dimension) -> list[Any]:
    """Values of an axis that tell what it excludes on others."""
    values = _values(dimension)
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return [min(values), max(values)]
    return values[:MOST_PAIRED]


def _values(dimension: Dimension) -> list[Any]:
    if dimension.choices is not None:
        return dimension.choices
    if dimension.step is not None:
        return [at_level(dimension, level) for level in (0, steps(dimension))]
    if dimension.integer:
        return [int(dimension.low), int(dimension.high)]
    return [dimension.low, dimension.high, tidy(dimension, dimension.low + INSIDE * (dimension.high - dimension.low))]
