"""The cells of a study: grid, runs, rounds, reference, exclude."""

import itertools
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

from segsweep.config.dotted_keys import ABSENT
from segsweep.config.merging import decides
from segsweep.config.settings import Settings
from segsweep.config.study import Study
from segsweep.config.yaml_documents import nearest
from segsweep.errors import InputError
from segsweep.formatting import label, short_names, value_in_words
from segsweep.hashing import short_hash
from segsweep.planning.cell_settings import cell_settings
from segsweep.planning.levels import Levels
from segsweep.planning.lost_values import LostValue, unused_values
from segsweep.planning.overrides import Resolved, Resolver
from segsweep.planning.space_probes import pairs, probes

MOST_CELLS = 100_000


@dataclass(frozen=True, slots=True)
class Cell:
    """One setting of the hyperparameters."""

    cell: str
    role: str
    settings: dict[str, Any]
    resolved: Resolved
    label: str = ""
    round: str = ""
    note: str = ""
    expect: dict[str, Any] | None = None


@dataclass
class Design:
    """All cells of a study, and how they came about.

    Attributes:
        lost: (cell in words, what the study sets and is not in force there).
        settings: of all cells, and some that trials may have: any value of the space is in one of them.
        levels: how levels are written; None where nothing is trained.
        idle: a sentence for each entry of `exclude` that leaves out no cell.
    """

    cells: list[Cell]
    axes: list[str]
    coinciding: int = 0
    excluded: int = 0
    names: dict[str, str] = field(default_factory=dict)
    lost: list[tuple[str, Iterable[LostValue]]] = field(default_factory=list)
    settings: list[Resolved] = field(default_factory=list)
    levels: Levels | None = None
    idle: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Point:
    """Something asked for: changes of the base, and where they were written."""

    changes: dict[str, Any]
    source: tuple
    role: str = "grid"
    id: str = ""
    round: str = ""
    note: str = ""
    expect: dict[str, Any] | None = None


def lay_out(study: Study, base: dict[str, Any], location) -> Design:
    """All cells of a study.

    Args:
        study: the study, after `smoke`.
        base: what its cells start from, raw: its `train`, or its parameters with their epochs.
        location: says where a key of the study file stands.

    Raises:
        InputError: an unknown key, a value out of range, a study without cells; all that were found.
    """
    start = cell_settings(study, base, location)
    resolver = Resolver(start)
    points = [*_grid_points(study, location), *_listed_points(study)]
    axes = list(dict.fromkeys(axis for point in points for axis in point.changes))
    points += _reference_points(study, resolver, points, axes, location)
    axes = list(dict.fromkeys([*axes, *(study.reference or {}), *(study.sweep.space if study.sweep else {})]))
    _check_axes(study, axes, location)

    levels = Levels(resolver)
    for point in points:
        levels.learn(point.changes, _locator(location, point, start.location))
    found = _cells_of(points, study, levels, axes, location)
    trials = _probed(study, resolver, location, found.problems)
    found.problems |= dict.fromkeys(_claims_of_no_level(study, found.cells, location) if not study.sweep else ())
    if found.problems:
        raise InputError(*found.problems)
    if not found.cells and not study.sweep:
        raise InputError(
            f"{location(('grid',))}: the study {study.name} has no cells"
            + (
                f": `exclude` leaves out all {found.excluded}."
                if found.excluded
                else ": give each axis a value, or list runs."
            )
        )
    names = short_names([axis for axis in axes if _varies(found.cells, axis) or study.sweep])
    cells = [_labelled(cell, names) for cell in found.cells]
    settings = [*(cell.resolved for cell in cells), *trials]
    lost = [("all cells", unused_values(start, (one.dump for one in settings), resolver.dump))]
    lost += [*((cell.label, _lost(cell)) for cell in cells), ("trials", _lost_in_trials(trials))]
    shown = [axis for axis in axes if axis in names]
    return Design(cells, shown, found.coinciding, found.excluded, names, lost, settings, levels, found.idle)


@dataclass
class _Found:
    """Cells that a study asks for, each once, and what is wrong with others."""

    cells: list[Cell]
    coinciding: int
    excluded: int
    problems: dict[str, None]
    idle: list[str]


def _cells_of(points: list[_Point], study: Study, levels: Levels, axes: list[str], location) -> _Found:
    by_digest: dict[str, Cell] = {}
    problems: dict[str, None] = {}
    coinciding = excluded = 0
    asked: list[dict[str, Any]] = []
    at_start = levels.resolver.start.location
    for point in points:
        try:
            cell = make_cell(levels, point.changes, axes, _locator(location, point, at_start), point)
        except InputError as error:
            problems |= dict.fromkeys(error.problems)
            continue
        if point.role != "reference":
            asked.append(cell.settings)
        if point.role != "reference" and any(_matches(cell.settings, pattern) for pattern in study.exclude):
            excluded += 1
        elif (digest := cell.cell if not point.id else f"run {point.id}") in by_digest:
            coinciding += 1
        else:
            by_digest[digest] = cell
    return _Found(list(by_digest.values()), coinciding, excluded, problems, list(_idle(study, asked, location)))


def _idle(study: Study, cells: list[dict[str, Any]], location) -> Iterator[str]:
    """A sentence for each entry of `exclude` that no cell matches, with the levels that there are."""
    for number, pattern in enumerate(study.exclude):
        if not any(_matches(settings, pattern) for settings in cells):
            levels = [
                f"{axis} has {', '.join(dict.fromkeys(value_in_words(one[axis]) for one in cells if axis in one))}"
                for axis in pattern
            ]
            yield (
                f"{location(('exclude', number))}: exclude: no cell has "
                f"{label(pattern, {axis: axis for axis in pattern})}: nothing is left out. "
                f"{'; '.join(levels)}. Correct it, or take it out."
            )


def _claims_of_no_level(study: Study, cells: list[Cell], location) -> Iterator[str]:
    """A problem for each level that a claim speaks of and no cell has."""
    for number, claim in enumerate(study.claims):
        for axis, level in claim.levels():
            there = dict.fromkeys(value_in_words(cell.settings[axis]) for cell in cells if axis in cell.settings)
            if cells and value_in_words(level) not in there:
                yield (
                    f"{location(('claims', number))}: claims: {claim.id} speaks of {axis} {value_in_words(level)}, and "
                    f"no cell has it. {nearest(value_in_words(level), there)}"
                )


def _probed(study: Study, resolver: Resolver, location, problems: dict[str, None]) -> list[Resolved]:
    """Settings that trials of the study's space may have; adds to the problems.

    Two values are put together only where each by itself is right.
    """
    if study.sweep is None:
        return []
    space, found, wrong = study.sweep.space, [], {}

    def locator(values: dict[str, Any]):
        return _locator(location, _Point(values, ("sweep", "space")), resolver.start.location)

    for values in probes(space):
        try:
            found.append(resolver.resolve(values, locator(values)))
        except InputError as error:
            wrong |= dict.fromkeys(error.problems)
    for values in pairs(space) if not wrong else ():
        try:
            resolver.resolve(values, locator(values))
        except InputError as error:
            wrong |= dict.fromkeys(f"{problem} Or let `when` keep the values apart." for problem in error.problems)
    problems |= wrong
    return found


def _lost_in_trials(trials: list[Resolved]) -> tuple[LostValue, ...]:
    """What is lost in any trial, once for each place where it is written and each reason."""
    found: dict[tuple[str, ...], LostValue] = {}
    for one in (one for trial in trials for one in trial.lost):
        found.setdefault((one.key, one.key if one.is_level else one.origin, one.why), one)
    return tuple(found.values())


def _lost(cell: Cell) -> tuple[LostValue, ...]:
    """What is lost in a cell; of a grid, a level of an axis that does not apply is not."""
    return tuple(one for one in cell.resolved.lost if cell.role == "run" or not one.is_level)


def make_cell(
    levels: Levels, changes: dict[str, Any], axes: list[str], location, point: Any = None, role="grid"
) -> Cell:
    """One cell; its id is the hash of its complete setting, unless it was listed with a name.

    Raises:
        InputError: a key is unknown, a value is out of range, or keys exclude each other.
    """
    resolved = levels.resolver.resolve(changes, location)
    point = point or _Point(changes, (), role)
    found = {axis: levels.of(resolved, changes, axis, location) for axis in axes}
    settings = {axis: level for axis, level in found.items() if level is not ABSENT}
    return Cell(
        point.id or digest_of(resolved), point.role, settings, resolved, "", point.round, point.note, point.expect
    )


def digest_of(resolved: Resolved) -> str:
    """A short name of a complete setting; the letter keeps tables from reading it as a number, `12e45678`."""
    return f"c{short_hash(resolved.text, 8)}"


def _labelled(cell: Cell, names: dict[str, str]) -> Cell:
    shown = {axis: cell.settings[axis] for axis in names if axis in cell.settings}
    text = f"run {cell.cell}" if cell.role == "run" else label(shown, names)
    return replace(cell, label=text or "the one setting", settings=shown)


def _varies(cells: list[Cell], axis: str) -> bool:
    return len({repr(cell.settings.get(axis, ABSENT)) for cell in cells}) > 1


def _locator(location, point: _Point, at_start):
    """Where a key of a cell stands: at the axis that set it, else in what cells start from."""

    def found(keys: tuple) -> str:
        dotted = ".".join(str(part) for part in keys)
        for axis in point.changes:
            if dotted == axis or dotted.startswith(axis + ".") or axis.startswith(dotted + "."):
                return location((*point.source, axis))
        return at_start(keys)

    return found


def combinations(grid: dict[str, Any] | list[dict[str, Any]], source: tuple, location) -> Iterator[tuple[dict, tuple]]:
    """All combinations of a grid, or of each grid of a list.

    Raises:
        InputError: an axis without a list of values.
    """
    grids = [(grid, source)] if isinstance(grid, dict) else [(one, (*source, i)) for i, one in enumerate(grid)]
    for axes, where in grids:
        values = []
        for axis, levels in axes.items():
            if isinstance(levels, dict) and "linear_in" in levels:
                levels = [levels]
            if not isinstance(levels, list) or not levels:
                raise InputError(
                    f"{location((*where, axis))}: the axis {axis} is {levels!r}. Give a list of values: [{levels}]."
                )
            seen: set[str] = set()
            for level in levels:
                if (text := json.dumps(level, sort_keys=True, default=str)) in seen:
                    raise InputError(
                        f"{location((*where, axis))}: the axis {axis} has {value_in_words(level)} twice. Leave one out."
                    )
                seen.add(text)
            values.append(levels)
        if (count := prod(map(len, values))) > MOST_CELLS:
            raise InputError(
                f"{location(where)}: {' x '.join(f'{len(one):,}' for one in values)} levels are {count:,} cells, and a "
                f"study has at most {MOST_CELLS:,}. Take fewer levels, or a sweep, which draws some of them."
            )
        for combination in itertools.product(*values):
            yield dict(zip(axes, combination, strict=True)), where


def _grid_points(study: Study, location) -> list[_Point]:
    points = []
    if study.grid is not None:
        points += [_Point(changes, where) for changes, where in combinations(study.grid, ("grid",), location)]
    for number, one in enumerate(study.rounds or []):
        points += [
            _Point(changes, where, round=one.name)
            for changes, where in combinations(one.grid, ("rounds", number, "grid"), location)
        ]
    return points


def _listed_points(study: Study) -> list[_Point]:
    return [
        _Point(
            run.set, ("runs", number, "set"), "run", str(run.id), "", run.note,
            run.expect.model_dump(mode="json") if run.expect else None,
        )
        for number, run in enumerate(study.runs or [])
    ]  # fmt: skip


def _reference_points(
    study: Study, resolver: Resolver, points: list[_Point], axes: list[str], location
) -> list[_Point]:
    """The reference, for each combination of the axes it leaves open that the grid has."""
    if study.reference is None:
        return []
    kind, reference = resolver.kind, study.reference
    open_axes = [axis for axis in axes if not any(_sets(kind, one, level, axis) for one, level in reference.items())]
    found = {}
    for point in points:
        kept = {axis: point.changes[axis] for axis in open_axes if axis in point.changes}
        changes = _without_replaced(resolver, kept, reference, location)
        found.setdefault(repr(changes), _Point(changes, ("reference",), "reference"))
    return list(found.values())


def _without_replaced(resolver: Resolver, kept: dict[str, Any], reference: dict[str, Any], location) -> dict[str, Any]:
    """What a reference changes, without levels of sections of which its own keys leave nothing."""
    changes = kept | reference
    locator = _locator(location, _Point(changes, ("reference",)), resolver.start.location)
    for axis in kept:
        if any(key.startswith(axis + ".") for key in reference):
            rest = {key: level for key, level in changes.items() if key != axis}
            with suppress(InputError):  # whoever makes the cell is told
                if resolver.lay_over(rest, locator).dump == resolver.lay_over(changes, locator).dump:
                    changes = rest
    return changes


def _sets(kind: type[Settings], key: str, level: Any, axis: str) -> bool:
    """Whether a key of the reference sets an axis: it is the axis, or what the axis lies in."""
    return key == axis or (axis.startswith(key + ".") and decides(kind, key, level, axis))


def _matches(settings: dict[str, Any], pattern: dict[str, Any]) -> bool:
    return all(
        settings.get(axis) in (wanted if isinstance(wanted, list) else [wanted]) for axis, wanted in pattern.items()
    )


def _check_axes(study: Study, axes: list[str], location) -> None:
    """Axes that `exclude` and the claims speak of must be axes of the study."""
    spoken = [(("exclude", i), axis) for i, pattern in enumerate(study.exclude) for axis in pattern]
    for number, claim in enumerate(study.claims):
        spoken += [(("claims", number), axis) for axis in claim.axes()]
    wrong = [
        f"{location(where)}: {where[0]}: {axis!r} is no axis of this study. {nearest(axis, axes)}"
        for where, axis in spoken
        if axis not in axes
    ]
    ids = [str(run.id) for run in study.runs or []]
    wrong += [
        f"{location(('runs', number, 'expect'))}: over: {run.expect.over} names no run. "
        f"{nearest(str(run.expect.over), ids)}"
        for number, run in enumerate(study.runs or [])
        if run.expect and str(run.expect.over) not in ids
    ]
    shown: dict[str, str] = {}
    for axis in axes:
        text = study.names.get(axis, axis).casefold()
        if text in shown:
            wrong.append(
                f"{location(('names', axis))}: the axes {shown[text]!r} and {axis!r} have one name, "
                f"{study.names.get(axis, axis)!r}: nobody could tell them apart. Give each its own."
            )
        shown.setdefault(text, axis)
    if wrong:
        raise InputError(*wrong)
