"""What the cells of a study change: combinations of a grid and of rounds, listed runs, the reference."""

import itertools
import json
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from typing import Any

from segsweep.config.merging import decides
from segsweep.config.settings import Settings
from segsweep.config.study import Study
from segsweep.errors import LEFT_OUT, InputError
from segsweep.formatting import value_in_words
from segsweep.planning.overrides import Resolver

MOST_CELLS = 100_000


@dataclass(frozen=True, slots=True)
class Point:
    """Something asked for: changes of the base, and where they were written."""

    changes: dict[str, Any]
    source: tuple
    role: str = "grid"
    id: str = ""
    round: str = ""
    note: str = ""
    expect: dict[str, Any] | None = None


def locator(location, point: Point, at_start) -> Callable[[tuple], str]:
    """Where a key of a cell stands: at the axis that set it, else in what cells start from."""

    def found(keys: tuple) -> str:
        dotted = ".".join(str(part) for part in keys)
        if at_start(keys[:1]) == LEFT_OUT:  # a section that is wrong already
            return LEFT_OUT
        for axis in point.changes:
            if dotted == axis or dotted.startswith(axis + ".") or axis.startswith(dotted + "."):
                return location((*point.source, axis))
        return at_start(keys)

    return found


class Grids:
    """The combinations of a study's grid, or of those of its rounds.

    Attributes:
        points: the combinations.
        wrong_axes: axes without a list of levels; there are points without them.
        problems: what is wrong.
    """

    def __init__(self, study: Study, location: Callable[[tuple], str], *, each_level_once: bool = False):
        """`each_level_once`: as many combinations as hold each level, in place of all."""
        self.each_level_once = each_level_once
        self.points: list[Point] = []
        self.wrong_axes: list[str] = []
        self.problems: list[str] = []
        grids = [("", study.grid, ("grid",))] if study.grid is not None else []
        grids += [(one.name, one.grid, ("rounds", i, "grid")) for i, one in enumerate(study.rounds or [])]
        for name, grid, source in grids:
            parts = [(grid, source)] if isinstance(grid, dict) else [(one, (*source, i)) for i, one in enumerate(grid)]
            for axes, where in parts:
                self.points += [Point(one, where, round=name) for one in self._combinations(axes, where, location)]

    def _combinations(self, axes: dict[str, Any], where: tuple, location) -> Iterator[dict[str, Any]]:
        """All combinations of a grid."""
        levels = {axis: [one] if isinstance(one, dict) and "linear_in" in one else one for axis, one in axes.items()}
        wrong = {axis: problem for axis, values in levels.items() if (problem := _wrong_levels(axis, values))}
        self.problems += [f"{location((*where, axis))}: {problem}" for axis, problem in wrong.items()]
        self.wrong_axes += wrong
        right = {axis: values for axis, values in levels.items() if axis not in wrong}
        if (count := prod(map(len, right.values()))) > MOST_CELLS:
            self.problems.append(
                f"{location(where)}: {' x '.join(f'{len(one):,}' for one in right.values())} levels are {count:,} "
                f"cells, and a study has at most {MOST_CELLS:,}. Take fewer levels, or a sweep, which draws some of "
                "them."
            )
            self.wrong_axes += right
            return
        for combination in _each_once(right.values()) if self.each_level_once else itertools.product(*right.values()):
            yield dict(zip(right, combination, strict=True))


def _each_once(levels: Collection[list[Any]]) -> Iterator[list[Any]]:
    for number in range(max(map(len, levels), default=1)):
        yield [ones[number % len(ones)] for ones in levels]


def _wrong_levels(axis: str, levels: Any) -> str:
    """What is wrong with the levels of an axis; empty where nothing is."""
    if not isinstance(levels, list) or not levels:
        return f"the axis {axis} is {levels!r}. Give a list of values: [{levels}]."
    seen: set[str] = set()
    for level in levels:
        if (text := json.dumps(level, sort_keys=True, default=str)) in seen:
            return f"the axis {axis} has {value_in_words(level)} twice. Leave one out."
        seen.add(text)
    return ""


def listed_points(study: Study) -> list[Point]:
    return [
        Point(
            run.set, ("runs", number, "set"), "run", str(run.id), "", run.note,
            run.expect.model_dump(mode="json") if run.expect else None,
        )
        for number, run in enumerate(study.runs or [])
    ]  # fmt: skip


def reference_points(study: Study, resolver: Resolver, points: list[Point], axes: list[str], location) -> list[Point]:
    """The reference, for each combination of the axes it leaves open that the grid has."""
    if study.reference is None:
        return []
    kind, reference = resolver.kind, study.reference
    open_axes = [axis for axis in axes if not any(_sets(kind, one, level, axis) for one, level in reference.items())]
    found = {}
    for point in points:
        kept = {axis: point.changes[axis] for axis in open_axes if axis in point.changes}
        changes = _without_replaced(resolver, kept, reference, location)
        found.setdefault(repr(changes), Point(changes, ("reference",), "reference"))
    return list(found.values())


def _without_replaced(resolver: Resolver, kept: dict[str, Any], reference: dict[str, Any], location) -> dict[str, Any]:
    """What a reference changes, without levels of sections of which its own keys leave nothing."""
    changes = kept | reference
    where = locator(location, Point(changes, ("reference",)), resolver.start.location)
    for axis in kept:
        if any(key.startswith(axis + ".") for key in reference):
            rest = {key: level for key, level in changes.items() if key != axis}
            with suppress(InputError):  # whoever makes the cell is told
                if resolver.lay_over(rest, where).dump == resolver.lay_over(changes, where).dump:
                    changes = rest
    return changes


def _sets(kind: type[Settings], key: str, level: Any, axis: str) -> bool:
    """Whether a key of the reference sets an axis: it is the axis, or what the axis lies in."""
    return key == axis or (axis.startswith(key + ".") and decides(kind, key, level, axis))
