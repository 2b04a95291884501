"""Start points: settings that a search tries first, before its sampler goes on.

They stand under `try_first` of a sweep, as values by axis. An axis that a start point leaves open is filled in by the
sampler. `from: results/OTHER/best.yaml` stands for the values that another study's best setting has.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from segsweep.config.dotted_keys import ABSENT, flat, value_in
from segsweep.config.search import Dimension
from segsweep.config.study import Study
from segsweep.config.yaml_documents import Document, nearest
from segsweep.errors import InputError
from segsweep.formatting import value_in_words
from segsweep.own_code.names import relocated
from segsweep.search.space import Space, Values, active, as_value, identity, order, same, values_in_words
from segsweep.search.space import problems as problems_of_space

FROM = "from"  # key of a start point that names a file
Location = Callable[[tuple], str]


def with_start_points(study: Study, location: Location, folder: Path, *, smoke: bool) -> Study:
    """The study with values in place of the files that its start points name.

    Args:
        study: after `smoke`.
        location: `file:line` of a key of the study file.
        folder: of the study file, which names of own code are relative to.
        smoke: whether it is a smoke test: of more start points than trials the first ones are tried.

    Raises:
        InputError: a file is missing or no best.yaml, or holds a value that the space does not have.
    """
    sweep = study.sweep
    if sweep is None or not sweep.try_first or problems_of_space(sweep, location):
        return study
    found, wrong = [], []
    for number, point in enumerate(sweep.try_first):
        try:
            found.append(_read(sweep.space, point, location(("sweep", "try_first", number)), folder))
        except InputError as error:
            wrong += error.problems
    if wrong:
        raise InputError(*wrong)
    return _with(study, found[: sweep.trials] if smoke else found)


def without_start_points(study: Study) -> Study:
    """The study without start points, where they are wrong."""
    return _with(study, []) if study.sweep is not None else study


def _with(study: Study, points: list[Values]) -> Study:
    return study.model_copy(update={"sweep": study.sweep.model_copy(update={"try_first": points})})


def problems(study: Study, location: Location) -> Iterator[str]:
    """What is wrong with a study's start points, each with file, line and remedy.

    Args:
        study: after `with_start_points`; its space is right.
        location: `file:line` of a key of the study file.
    """
    sweep = study.sweep
    section = location(("sweep", "try_first"))
    if (number := len(sweep.try_first)) > sweep.trials:
        yield (
            f"{section}: sweep.try_first: there are {number} start points, and trials is {sweep.trials}. Raise trials, "
            "or leave some out."
        )
    seen: dict[str, int] = {}
    for number, point in enumerate(sweep.try_first):
        where = location(("sweep", "try_first", number))
        if not point:
            yield f"{where}: sweep.try_first: a start point is empty. Give it values by axis, or leave it out."
            continue
        wrong = dict(_wrong_values(sweep.space, point))
        for axis, problem in wrong.items():
            yield f"{location(('sweep', 'try_first', number, axis))}: sweep.try_first: {problem}"
        if not wrong and is_complete(sweep.space, point):
            first = seen.setdefault(identity(as_values(sweep.space, point)), number)
            if first != number:
                yield (
                    f"{where}: sweep.try_first: the start points {first + 1} and {number + 1} are the same. Leave one "
                    "out."
                )


def as_values(space: Space, point: Values) -> Values:
    """A start point as trials have it: numbers of the axes' types, in the order of the axes."""
    return {axis: as_value(space[axis], point[axis]) for axis in order(space) if axis in point}


def is_complete(space: Space, point: Values) -> bool:
    """Whether a start point leaves no axis open."""
    return all(axis in point for axis in order(space) if active(space[axis], point))


def _wrong_values(space: Space, point: Values) -> Iterator[tuple[str, str]]:
    """(axis, what is wrong with the value that a start point has of it)."""
    for axis, value in point.items():
        if axis not in space:
            yield axis, f"{axis!r} is no axis of the space. {nearest(axis, space)}"
        elif as_value(space[axis], value) is ABSENT:
            yield (
                axis,
                f"{axis} is {_shown(value)}, and the space has {values_in_words(space[axis])}. Give one of these, or "
                "widen the space.",
            )
        elif not active(space[axis], point):
            conditions = " and ".join(f"{other} is {_shown(one)}" for other, one in space[axis].when.items())
            yield axis, f"{axis} is there only where {conditions}. Set that in the start point, too, or leave it out."


def _read(space: Space, point: Values, where: str, folder: Path) -> Values:
    """A start point with the values of the file that it names, if it names one; its own values count more."""
    if FROM not in point:
        return point
    name = point[FROM]
    if not isinstance(name, str) or not Path(name).is_file():
        raise InputError(
            f"{where}: sweep.try_first: from: there is no file {name!r}. Run that study first, or give the values by "
            "axis in its place. The path is relative to the working folder: results/OTHER/best.yaml."
        )
    content = Document(Path(name), lambda text, keys, is_key: relocated(text, folder, is_key=is_key)).values
    written, setting = content.get("set"), content.get("train") or content.get("parameters")
    if not isinstance(written, dict) or not isinstance(setting, dict):
        raise InputError(
            f"{where}: sweep.try_first: from: {name} holds no best setting (keys `set` and `train`, or `parameters`). "
            "Name the best.yaml of a study that segsweep trained."
        )
    setting = ({"epochs": content["epochs"]} if "epochs" in content else {}) | setting
    own = {axis: value for axis, value in point.items() if axis != FROM}
    taken = {axis: _value(space[axis], axis, written, setting) for axis in space if axis not in own}
    values = {axis: value for axis, value in (taken | own).items() if value is not ABSENT}
    there = {axis: values[axis] for axis in order(space) if axis in values and active(space[axis], values)}
    if not there:
        raise InputError(
            f"{where}: sweep.try_first: from: {name} has a value of no axis of the space ({', '.join(space)}). Name "
            "another file, or give the values by axis."
        )
    wrong = dict(_wrong_values(space, there))
    if wrong:
        raise InputError(*(f"{where}: sweep.try_first: from {name}: {problem}" for problem in wrong.values()))
    # An axis of the start point's own that is not active is told with the others.
    return own | there


def _value(dimension: Dimension, axis: str, written: dict[str, Any], setting: dict[str, Any]) -> Any:
    """The value that a best setting has of an axis, as written there or as filled in; else `ABSENT`."""
    filled_in = value_in(setting, axis)
    values = [value for value in (written.get(axis, ABSENT), filled_in) if value is not ABSENT]
    known = next((value for value in values if as_value(dimension, value) is not ABSENT), ABSENT)
    if known is not ABSENT or not isinstance(filled_in, dict):
        return next(iter(values), ABSENT) if known is ABSENT else known
    # A section: the choice that says the most of what it is.
    fitting = [one for one in dimension.choices or [] if isinstance(one, dict) and _holds(one, filled_in)]
    return max(fitting, key=lambda one: len(flat(one)), default=filled_in)


def _holds(choice: dict[str, Any], section: dict[str, Any]) -> bool:
    return all(same(value_in(section, key), value) for key, value in flat(choice).items())


def _shown(value: Any) -> str:
    return " or ".join(map(value_in_words, value)) if isinstance(value, list) else value_in_words(value)
