"""The cells of a study: grid, runs, rounds, reference, exclude."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from segsweep.config.components import Task
from segsweep.config.contradictions import contradictions
from segsweep.config.losses import unsuited
from segsweep.config.merging import decides
from segsweep.config.study import Study
from segsweep.config.train import Train
from segsweep.config.yaml_documents import nearest
from segsweep.errors import InputError
from segsweep.formatting import label, short_names
from segsweep.hashing import short_hash
from segsweep.planning.levels import ABSENT, Levels
from segsweep.planning.lost_values import LostValue, unused_values
from segsweep.planning.overrides import Resolved, Resolver
from segsweep.planning.space_probes import probes


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
    """

    cells: list[Cell]
    axes: list[str]
    coinciding: int = 0
    excluded: int = 0
    names: dict[str, str] = field(default_factory=dict)
    lost: list[tuple[str, Iterable[LostValue]]] = field(default_factory=list)


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
        base: its raw `train`.
        location: says where a key of the study file stands.

    Raises:
        InputError: an unknown key, a value out of range, a study without cells; all that were found.
    """
    resolver = Resolver(base, lambda keys: location(("train", *keys)))
    points = [*_grid_points(study, location), *_listed_points(study)]
    axes = list(dict.fromkeys(axis for point in points for axis in point.changes))
    points += _reference_points(study, points, axes)
    axes = list(dict.fromkeys([*axes, *(study.reference or {}), *(study.sweep.space if study.sweep else {})]))
    _check_axes(study, axes, location)

    levels = Levels(resolver)
    for point in points:
        levels.learn(point.changes, _locator(location, point))
    if study.sweep:  # its cells are proposed while it runs
        make_cell(levels, {}, axes, _locator(location, _Point({}, ())))

    by_digest: dict[str, Cell] = {}
    problems: dict[str, None] = {}
    coinciding = excluded = 0
    for point in points:
        try:
            cell = make_cell(levels, point.changes, axes, _locator(location, point), point)
        except InputError as error:
            problems |= dict.fromkeys(error.problems)
            continue
        if point.role != "reference" and any(_matches(cell.settings, pattern) for pattern in study.exclude):
            excluded += 1
        elif (digest := cell.cell if not point.id else f"run {point.id}") in by_digest:
            coinciding += 1
        else:
            by_digest[digest] = cell
    probed = _probed(study, resolver, location, problems)
    if problems:
        raise InputError(*problems)
    cells = list(by_digest.values())
    if not cells and not study.sweep:
        raise InputError(
            f"{location(('grid',))}: the study {study.name} has no cells"
            + (f": `exclude` leaves out all {excluded}." if excluded else ": give each axis a value, or list runs.")
        )
    names = short_names([axis for axis in axes if _varies(cells, axis) or study.sweep])
    cells = [_labelled(cell, names) for cell in cells]
    resolved = [*(cell.resolved for cell in cells), *probed]
    lost = [("all cells", unused_values(base, (one.dump for one in resolved), resolver.dump))]
    lost += [(cell.label, _lost(cell)) for cell in cells] + [("trials", one.lost) for one in probed]
    return Design(cells, [axis for axis in axes if axis in names], coinciding, excluded, names, lost)


def _probed(study: Study, resolver: Resolver, location, problems: dict[str, None]) -> list[Resolved]:
    """Settings that trials of the study's space may have; adds to the problems."""
    found = []
    for values in probes(study.sweep.space) if study.sweep else ():
        try:
            found.append(resolver.resolve(values, _locator(location, _Point(values, ("sweep", "space")))))
        except InputError as error:
            problems |= dict.fromkeys(error.problems)
    return found


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
    if wrong := contradictions({name: section.value for name, section in resolved.sections.items()}):
        raise InputError(*(f"{location(keys)}: {problem}" for keys, problem in wrong))
    point = point or _Point(changes, (), role)
    found = {axis: levels.of(resolved, changes, axis, location) for axis in axes}
    settings = {axis: level for axis, level in found.items() if level is not ABSENT}
    return Cell(
        point.id or digest_of(resolved), point.role, settings, resolved, "", point.round, point.note, point.expect
    )


def digest_of(resolved: Resolved) -> str:
    """A short name of a complete setting; the letter keeps tables from reading it as a number, `12e45678`."""
    return f"c{short_hash(resolved.text, 8)}"


def check_data(settings: Iterable[Resolved], task: type[Task], name: str, location) -> None:
    """Refuse what a task cannot have: patches if its predictions are not stitched to pages, balanced sampling of text.

    Args:
        settings: of a study.
        task: of its data set.
        name: of the task.
        location: says where a key of the study file stands.

    Raises:
        InputError: a setting cuts images into patches, and the task is about boxes or text; or it draws images by
            classes that the task has not.
    """
    data = [one.sections["data"].value for one in settings]
    wrong = []
    if not task.stitched and any(one.patches for one in data):
        wrong.append(
            f"{location(('train', 'data', 'patches'))}: train.data.patches is for masks, which are stitched to pages, "
            f"and the task of the data set is {name}. Leave it out; `image_size` and `crop` make images smaller."
        )
    refusals = {refusal: None for one in data if (refusal := one.image_sampling.refusal(name))}
    wrong += [f"{location(('train', 'data', 'image_sampling'))}: {refusal}" for refusal in refusals]
    if wrong:
        raise InputError(*wrong)


def check_losses(settings: Iterable[Resolved], task: str, location) -> None:
    """Refuse losses of masks that do not serve a task.

    Args:
        settings: of a study.
        task: name of the task of its data set.
        location: says where a key of the study file stands.

    Raises:
        InputError: naming each such loss once.
    """
    losses = {id(loss): loss for one in settings if (loss := one.sections["loss"].value)}  # of many cells the same
    problems = dict.fromkeys(problem for loss in losses.values() for problem in unsuited(loss, task))
    if problems:
        raise InputError(*(f"{location(('train', 'loss'))}: {problem}." for problem in problems))


def _labelled(cell: Cell, names: dict[str, str]) -> Cell:
    shown = {axis: cell.settings[axis] for axis in names if axis in cell.settings}
    text = f"run {cell.cell}" if cell.role == "run" else label(shown, names)
    return replace(cell, label=text or "the one setting", settings=shown)


def _varies(cells: list[Cell], axis: str) -> bool:
    return len({repr(cell.settings.get(axis, ABSENT)) for cell in cells}) > 1


def _locator(location, point: _Point):
    """Where a key of a cell stands: at the axis that set it, else in `train`."""

    def found(keys: tuple) -> str:
        dotted = ".".join(str(part) for part in keys)
        for axis in point.changes:
            if dotted == axis or dotted.startswith(axis + ".") or axis.startswith(dotted + "."):
                return location((*point.source, axis))
        return location(("train", *keys))

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
            values.append(levels)
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
    listed = study.runs or []
    twice = {str(run.id) for run in listed if sum(str(other.id) == str(run.id) for other in listed) > 1}
    if twice:
        raise InputError(f"runs: the id {', '.join(sorted(twice))} stands twice. Give each run its own.")
    return [
        _Point(
            run.set, ("runs", number, "set"), "run", str(run.id), "", run.note,
            run.expect.model_dump(mode="json") if run.expect else None,
        )
        for number, run in enumerate(listed)
    ]  # fmt: skip


def _reference_points(study: Study, points: list[_Point], axes: list[str]) -> list[_Point]:
    """The reference, for each combination of the axes it leaves open that the grid has."""
    if study.reference is None:
        return []
    open_axes = [axis for axis in axes if not any(_sets(one, level, axis) for one, level in study.reference.items())]
    found = {}
    for point in points:
        kept = {axis: point.changes[axis] for axis in open_axes if axis in point.changes}
        found.setdefault(repr(kept), _Point(kept | study.reference, ("reference",), "reference"))
    return list(found.values())


def _sets(key: str, level: Any, axis: str) -> bool:
    """Whether a key of the reference sets an axis: it is the axis, or what the axis lies in."""
    return key == axis or (axis.startswith(key + ".") and decides(Train, key, level, axis))


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
        f"{location(where)}: {axis!r} is no axis of this study. {nearest(axis, axes)}"
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
