"""The cells of a study: grid, runs, rounds, reference, exclude."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from segsweep.config.dotted_keys import ABSENT
from segsweep.config.study import Study
from segsweep.config.yaml_documents import nearest
from segsweep.errors import InputError, Problems
from segsweep.formatting import label, short_names, value_in_words
from segsweep.hashing import short_hash
from segsweep.planning.cell_constraints import CellConstraints
from segsweep.planning.cell_settings import cell_settings
from segsweep.planning.claim_checks import claims_of_no_cell
from segsweep.planning.grid_points import Grids, Point, listed_points, locator, reference_points
from segsweep.planning.levels import Levels
from segsweep.planning.lost_values import LostValue, unused_values
from segsweep.planning.overrides import Resolved, Resolver
from segsweep.planning.trial_probes import probed


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
        remarks: sentences for whoever plans the study.
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
    remarks: list[str] = field(default_factory=list)


def lay_out(study: Study, base: dict[str, Any], location) -> Design:
    """All cells of a study.

    Args:
        study: the study, after `smoke`.
        base: what its cells start from, raw: its `train`, or its parameters with their epochs.
        location: says where a key of the study file stands.

    Raises:
        InputError: an unknown key, a value out of range, a study without cells; all that were found.
    """
    problems = Problems()
    design = lay_out_right(study, base, location, problems)
    problems.tell()
    return design


def lay_out_right(
    study: Study,
    base: dict[str, Any],
    location,
    problems: Problems,
    *,
    smoke: bool = False,
    each_level_once: bool = False,
) -> Design:
    """As `lay_out`, of the cells that are right.

    Args:
        study, base, location: as there.
        problems: what is wrong is added to it.
        smoke: whether it is a smoke test: it may have fewer axes and levels than `exclude` and the claims speak of.
        each_level_once: as many cells of a grid as hold each level, in place of all.
    """
    start = cell_settings(study, base, location)
    resolver = problems.of(Resolver, start)
    if resolver is None:
        return Design([], [])
    grids = Grids(study, location, each_level_once=each_level_once)
    problems.add(grids.problems)
    points = [*grids.points, *listed_points(study)]
    axes = list(dict.fromkeys(axis for point in points for axis in point.changes))
    points += reference_points(study, resolver, points, axes, location)
    axes = list(dict.fromkeys([*axes, *(study.reference or {}), *(study.sweep.space if study.sweep else {})]))
    problems.add(_wrong_names(study, axes, location))
    if not smoke:
        problems.add(_wrong_axes(study, [*axes, *grids.wrong_axes], location))

    levels = Levels(resolver)
    for point in points:
        levels.learn(point.changes, locator(location, point, start.location))
    constraints = CellConstraints(study, location)
    found = _cells_of(points, study, levels, axes, location, constraints)
    problems.add(constraints.problems())
    trials = probed(study, resolver, location)
    problems.add([*found.problems, *trials.problems])
    if not study.sweep and not smoke:
        judged = set(axes) - set(grids.wrong_axes)
        problems.add(claims_of_no_cell(study, [cell.settings for cell in found.cells], found.wrong, judged, location))
    if not found.cells and not study.sweep and not problems and not each_level_once:
        by = [f"`{key}`" for key in ("exclude", "constraints") if getattr(study, key)]
        all_out = f"{' and '.join(by)} {'leave' if by[1:] else 'leaves'} out all {found.excluded}."
        remedy = all_out if found.excluded else "give each axis a value, or list runs."
        problems.add([f"{location(('grid',))}: the study {study.name} has no cells: {remedy}"])
    names = short_names([axis for axis in axes if _varies(found.cells, axis) or study.sweep])
    cells = [_labelled(cell, names) for cell in found.cells]
    settings = [*(cell.resolved for cell in cells), *trials.settings]
    lost = [("all cells", unused_values(start, (one.dump for one in settings), resolver.dump))]
    lost += [*((cell.label, _lost(cell)) for cell in cells), ("trials", _lost_in_trials(trials.settings))]
    shown = [axis for axis in axes if axis in names]
    remarks = [*trials.remarks, *constraints.remarks()]
    return Design(cells, shown, found.coinciding, found.excluded, names, lost, settings, levels, found.idle, remarks)


@dataclass
class _Found:
    """Cells that a study asks for, each once, and what is wrong with others.

    Attributes:
        wrong: what the others change.
    """

    cells: list[Cell]
    coinciding: int
    excluded: int
    problems: dict[str, None]
    wrong: list[dict[str, Any]]
    idle: list[str]


def _cells_of(
    points: list[Point], study: Study, levels: Levels, axes: list[str], location, constraints: CellConstraints
) -> _Found:
    by_digest: dict[str, Cell] = {}
    problems: dict[str, None] = {}
    coinciding = excluded = 0
    asked: list[dict[str, Any]] = []
    wrong: list[dict[str, Any]] = []
    resolver = levels.resolver
    for point in points:
        where = locator(location, point, resolver.start.location)
        try:
            resolved = resolver.lay_over(point.changes, where)
            if point.role != "reference" and not constraints.allow(resolved):
                excluded += 1
                continue
            resolver.refuse_contradictions(resolved)
            cell = make_cell(levels, resolved, axes, point)
        except InputError as error:
            problems |= dict.fromkeys(error.problems)
            wrong.append(point.changes)
            continue
        if point.role != "reference":
            asked.append(cell.settings)
        if point.role != "reference" and any(_matches(cell.settings, pattern) for pattern in study.exclude):
            excluded += 1
        elif (digest := cell.cell if not point.id else f"run {point.id}") in by_digest:
            coinciding += 1
        else:
            by_digest[digest] = cell
    idle = [] if wrong else list(_idle(study, asked, location))
    return _Found(list(by_digest.values()), coinciding, excluded, problems, wrong, idle)


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


def _lost_in_trials(trials: list[Resolved]) -> tuple[LostValue, ...]:
    """What is lost in any trial, once for each place where it is written and each reason."""
    found: dict[tuple[str, ...], LostValue] = {}
    for one in (one for trial in trials for one in trial.lost):
        found.setdefault((one.key, one.key if one.is_level else one.origin, one.why), one)
    return tuple(found.values())


def _lost(cell: Cell) -> tuple[LostValue, ...]:
    """What is lost in a cell; of a grid, a level of an axis that does not apply is not."""
    return tuple(one for one in cell.resolved.lost if cell.role == "run" or not one.is_level)


def make_cell(levels: Levels, resolved: Resolved, axes: list[str], point: Point) -> Cell:
    """One cell; its id is the hash of its complete setting, unless it was listed with a name."""
    found = {axis: levels.of(resolved, point.changes, axis, resolved.location) for axis in axes}
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


def _matches(settings: dict[str, Any], pattern: dict[str, Any]) -> bool:
    return all(
        settings.get(axis) in (wanted if isinstance(wanted, list) else [wanted]) for axis, wanted in pattern.items()
    )


def _wrong_axes(study: Study, axes: list[str], location) -> list[str]:
    """A problem for each axis that `exclude` or a claim speaks of and that is none of the study's."""
    spoken = [(("exclude", i), axis) for i, pattern in enumerate(study.exclude) for axis in pattern]
    for number, claim in enumerate(study.claims):
        spoken += [(("claims", number), axis) for axis in claim.axes()]
    return [
        f"{location(where)}: {where[0]}: {axis!r} is no axis of this study. {nearest(axis, axes)}"
        for where, axis in spoken
        if axis not in axes
    ]


def _wrong_names(study: Study, axes: list[str], location) -> list[str]:
    """A problem for each run that is expected to gain over one that is not listed, and for each name that axes
    share."""
    ids = [str(run.id) for run in study.runs or []]
    wrong = [
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
    return wrong
