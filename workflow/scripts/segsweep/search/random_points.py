"""Points of a space that no sampler proposes: random ones, and what is left of a finite space."""

import math
import random
from collections.abc import Callable, Iterator
from typing import Any

from segsweep.config.search import Dimension
from segsweep.search.space import Space, Values, active, at_level, count, is_finite, order, points, same, steps, tidy

# A finite space above this size is not listed to find what is left of it.
MOST_POINTS = 100_000
# Random points that are drawn in search of one that is asked for.
MOST_DRAWS = 10_000


def some_point(space: Space, fixed: Values, fits: Callable[[Values], bool], seed: str) -> Values | None:
    """A random point with some values fixed that fits; None where there is none, or none was found.

    Args:
        space: the axes.
        fixed: values by axis.
        fits: whether a point will do.
        seed: of the draw.
    """
    if is_listed(space):
        left = [values for values in points(space) if _has(values, fixed) and fits(values)]
        return random.Random(seed).choice(left) if left else None
    return next(filter(fits, draws(space, seed, fixed)), None)


def is_listed(space: Space, most: int = MOST_POINTS) -> bool:
    """Whether a space is finite, and small enough to look at each of its points."""
    return is_finite(space) and math.prod(count(dimension) for dimension in space.values()) <= most


def draws(space: Space, seed: str, fixed: Values | None = None, number: int = MOST_DRAWS) -> Iterator[Values]:
    """Random points, each axis by itself; axes that `when` switches off are left out, fixed ones are not drawn."""
    axes, rng = order(space), random.Random(seed)
    for _ in range(number):
        values: Values = {}
        for axis in axes:
            if active(space[axis], values):
                values[axis] = fixed[axis] if fixed and axis in fixed else _draw(space[axis], rng)
        yield values


def _draw(dimension: Dimension, rng: random.Random) -> Any:
    if dimension.choices is not None:
        return rng.choice(dimension.choices)
    if dimension.step is not None:
        return at_level(dimension, rng.randint(0, steps(dimension)))
    low, high = dimension.low, dimension.high
    if dimension.integer:
        if not dimension.log:
            return rng.randint(int(low), int(high))
        drawn = math.exp(rng.uniform(math.log(low - 0.5), math.log(high + 0.5)))
        return min(max(round(drawn), int(low)), int(high))
    return tidy(
        dimension, math.exp(rng.uniform(math.log(low), math.log(high))) if dimension.log else rng.uniform(low, high)
    )


def _has(values: Values, fixed: Values) -> bool:
    return all(axis in values and same(values[axis], value) for axis, value in fixed.items())
