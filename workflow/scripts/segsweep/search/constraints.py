"""Constraints of a search: which points of its space may be tried.

A constraint speaks of axes, by their values in a trial, and of other keys of what cells start from: of these by the
value that they have with the trial's choices, as `optimizer.lr` where the axis `optimizer` has whole sections. A trial
that lacks a key (an axis that `when` switches off, momentum of Adam) fulfils each constraint that speaks of it.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from segsweep.config.dotted_keys import ABSENT, flat, keys_of, value_in
from segsweep.config.expressions import Condition, ExpressionError, all_hold
from segsweep.config.merging import overridden
from segsweep.config.program_settings import nested_parameters, program_settings
from segsweep.config.study import Study
from segsweep.config.train import Train
from segsweep.config.yaml_documents import nearest
from segsweep.errors import InputError
from segsweep.formatting import label
from segsweep.planning.space_probes import completed, probes
from segsweep.search.random_points import draws, is_listed, some_point
from segsweep.search.space import Space, Values, identity, points
from segsweep.search.start_points import as_values

# What is looked at when a study is planned: each point of a finite space of at most so many, else random ones.
MOST_LISTED = 5000
DRAWN = 2000
Location = Callable[[tuple], str]


class Constraints:
    """The constraints of a study with a sweep."""

    def __init__(self, study: Study):
        self.study, self.space = study, study.sweep.space
        self.conditions = [Condition(text) for text in study.sweep.constraints]
        self._settings: dict[str, dict[str, Any]] = {}

    def allows(self, values: Values) -> bool:
        """Whether a trial may have these values; not where a constraint cannot be computed."""
        return not self.conditions or all_hold(self.conditions, lambda name: self.value(values, name))

    def value(self, values: Values, name: str) -> Any:
        """The value that a key has in a trial; `ABSENT` where it has none."""
        if name in self.space:
            return values.get(name, ABSENT)
        # What else could decide on it: choices in the same section.
        section = keys_of(name)[0]
        beside = {axis: values[axis] for axis in self.choices if axis in values and keys_of(axis)[0] == section}
        return value_in(self._setting(beside), name)

    @cached_property
    def choices(self) -> list[str]:
        """Axes with a list of choices."""
        return [axis for axis, dimension in self.space.items() if dimension.choices is not None]

    @cached_property
    def _start(self) -> tuple[Any, dict[str, Any]]:
        """Class of complete settings, and what cells start from."""
        if self.study.train is not None:
            return Train, self.study.train.model_dump(mode="json")
        parameters = nested_parameters(self.study.parameters, lambda keys: "")
        return program_settings(parameters), parameters | {"epochs": self.study.epochs, "on_oom": self.study.on_oom}

    def start(self) -> dict[str, Any]:
        """What cells start from, complete."""
        return self._start[1]

    def _setting(self, changes: Values) -> dict[str, Any]:
        """What cells start from, with some keys changed, complete; empty where that is no setting."""
        text = json.dumps(changes, sort_keys=True)
        if text not in self._settings:
            kind, start = self._start
            self._settings[text] = start
            try:
                if changes:
                    changed = overridden(kind, start, changes, lambda keys: "")
                    self._settings[text] = kind.model_validate(changed).model_dump(mode="json")
            except (InputError, ValidationError):  # which the plan tells, of the value itself
                self._settings[text] = {}
        return self._settings[text]


@dataclass
class Found:
    """What the plan says of a study's constraints.

    Attributes:
        problems: what is wrong, each with file, line, column and remedy.
        remarks: sentences for whoever plans the study.
    """

    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def examined(study: Study, location: Location) -> Found:
    """What is wrong with the constraints of a sweep, and what they leave of its space.

    Args:
        study: whose space and start points are right.
        location: `file:line` of a key of the study file.
    """
    found = Found()
    if not study.sweep.constraints:
        return found
    constraints = Constraints(study)
    looked_at, whole = _points(constraints)
    found.problems += _unknown_names(constraints, looked_at, location)
    if found.problems:
        return found
    found.problems += _without_value(constraints, [*looked_at, *(() if whole else _ends(constraints.space))], location)
    if found.problems:
        return found
    held = [[_holds(condition, constraints, values) for condition in constraints.conditions] for values in looked_at]
    fulfilled, allowed = [sum(ones) for ones in zip(*held, strict=True)], sum(map(all, held))
    number = len(looked_at)
    of_them = f"of the {number:,} points of the space" if whole else f"of {number:,} random points of the space"
    for position, count in enumerate(fulfilled):
        text = constraints.conditions[position].text
        where = f"{location(('sweep', 'constraints', position))}: sweep.constraints: {text!r}"
        if count == 0:
            found.problems.append(f"{where}: none {of_them} fulfils it. Correct it, or widen the space.")
        elif count == number:
            found.remarks.append(f"{where}: all {of_them} fulfil it: it leaves nothing out.")
    if found.problems:
        return found
    if not allowed:
        found.problems.append(
            f"{location(('sweep', 'constraints'))}: sweep.constraints: each is fulfilled somewhere, and none {of_them} "
            "fulfils all. Take one out, or widen the space."
        )
        return found
    found.problems += _start_points(constraints, location)
    found.remarks += _never_tried(
        constraints, [values for values, one in zip(looked_at, held, strict=True) if all(one)]
    )
    share = f"{allowed:,}" if whole else f"{allowed / number:.0%}"
    found.remarks.append(f"sweep.constraints: {share} {of_them} fulfil {_them(len(fulfilled))}.")
    return found


def _them(number: int) -> str:
    return "the constraint" if number == 1 else f"all {number} constraints"


def _points(constraints: Constraints) -> tuple[list[Values], bool]:
    """Points to look at, and whether these are all."""
    space = constraints.space
    if is_listed(space, MOST_LISTED):
        return list(points(space)), True
    return list(draws(space, "constraints", number=DRAWN)), False


def _ends(space: Space) -> list[Values]:
    """Points at the ends of ranges, which random ones seldom hit."""
    return [completed(space, values) for values in probes(space)]


def _never_tried(constraints: Constraints, allowed: list[Values]) -> Iterator[str]:
    """A sentence for each choice that no allowed point has."""
    for axis in constraints.choices:
        there = {identity({axis: values[axis]}) for values in allowed if axis in values}
        for choice in constraints.space[axis].choices:
            if identity({axis: choice}) not in there:
                shown = label({axis: choice}, {axis: axis})
                yield f"sweep.constraints: no point with {shown} was found that fulfils them."


def _unknown_names(constraints: Constraints, looked_at: list[Values], location: Location) -> Iterator[str]:
    space = constraints.space
    for position, condition in enumerate(constraints.conditions):
        for name, column in condition.names.items():
            if name in space or any(constraints.value(values, name) is not ABSENT for values in looked_at):
                continue
            start_of = "train" if constraints.study.train is not None else "parameters"
            yield (
                f"{_place(location, position, condition, column)}: {name!r} is no axis of the space and no key of "
                f"{start_of}. {near_name(name, {*space, *flat(constraints.start())})}"
            )


def near_name(name: str, known: set[str]) -> str:
    """A remedy for an unknown name: the nearest of those that are known; all of them, if they are few."""
    said = nearest(name, known)
    return said if len(known) <= 20 else f"{said.partition('Allowed: ')[0]}Write the whole dotted key."


def _without_value(constraints: Constraints, looked_at: list[Values], location: Location) -> Iterator[str]:
    """A problem for each constraint that has no value at some point."""
    for position, condition in enumerate(constraints.conditions):
        for values in looked_at:
            try:
                _holds(condition, constraints, values)
            except ExpressionError as error:
                spoken = {one: values[one] for one in condition.names if one in values}
                at = f" So it is with {label(spoken, {axis: axis for axis in spoken})}." if spoken else ""
                yield f"{_place(location, position, condition, error.column)}: {error.problem}{at}"
                break


def _start_points(constraints: Constraints, location: Location) -> Iterator[str]:
    for number, point in enumerate(constraints.study.sweep.try_first):
        fixed = as_values(constraints.space, point)
        if some_point(constraints.space, fixed, constraints.allows, "start point") is None:
            violated = [one.text for one in constraints.conditions if not _holds(one, constraints, fixed)]
            said = (
                f"does not fulfil {violated[0]!r}"
                if violated
                else "fulfils them with no value of the axes that it leaves open"
            )
            yield (
                f"{location(('sweep', 'try_first', number))}: sweep.try_first: of the constraints, the start point "
                f"{number + 1} {said}. Change it, or leave it out."
            )


def _holds(condition: Condition, constraints: Constraints, values: Values) -> bool:
    return condition.holds(lambda name: constraints.value(values, name))


def _place(location: Location, position: int, condition: Condition, column: int) -> str:
    return f"{location(('sweep', 'constraints', position))}: sweep.constraints: {condition.text!r}, column {column}"
