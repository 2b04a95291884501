"""Trials that are planned before the first one: what is wrong with a sweep's space, and what it may come to."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from segsweep.config.dotted_keys import value_in
from segsweep.config.study import Study
from segsweep.errors import InputError
from segsweep.planning.grid_points import Point, locator
from segsweep.planning.overrides import Resolved, Resolver
from segsweep.planning.space_probes import completed, pairs, probes
from segsweep.search.constraints import Constraints, examined
from segsweep.search.random_points import draws
from segsweep.search.space import Values
from segsweep.search.space import problems as space_problems
from segsweep.search.start_points import problems as problems_of_start_points

# Random completions of some values that are tried in search of one that fulfils the constraints.
MOST_COMPLETIONS = 100


@dataclass
class Probed:
    """What was found.

    Attributes:
        settings: of some trials; any choice and both ends of any range are in one of them.
        problems: what is wrong, each with file, line and remedy.
        remarks: sentences for whoever plans the study.
    """

    settings: list[Resolved] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def probed(study: Study, resolver: Resolver, location) -> Probed:
    """Settings that trials of a study's space may have; nothing of a study without one.

    Two values are put together only where each by itself is right. Of a space that is wrong, or start points, the
    checks of searches tell.

    Args:
        study: the study.
        resolver: of its cells.
        location: says where a key of the study file stands.
    """
    found = Probed()
    if study.sweep is None or space_problems(study.sweep, location) or any(problems_of_start_points(study, location)):
        return found
    of_constraints = examined(study, location)
    found.remarks = of_constraints.remarks
    if of_constraints.problems:
        found.problems = of_constraints.problems
        return found
    space, constraints = study.sweep.space, Constraints(study)

    def resolve(values: Values, source: tuple = ("sweep", "space"), remedy: str = "") -> None:
        where: Callable[[tuple], str] = locator(location, Point(values, source), resolver.start.location)
        try:
            found.settings.append(resolved := resolver.resolve(values, where))
        except InputError as error:
            found.problems += [f"{problem}{remedy}" for problem in error.problems]
        else:
            found.problems += _values_not_known(constraints, values, resolved, location)

    for values in probes(space):
        if (allowed := _allowed(constraints, values)) is not None:
            resolve(allowed)
    single = len(found.settings)
    for values in pairs(space) if not found.problems else ():
        if (allowed := _allowed(constraints, values)) is not None:
            resolve(allowed, remedy=" Or let `when`, or a constraint, keep the values apart.")
    del found.settings[single:]
    for number, point in enumerate(study.sweep.try_first) if not found.problems else ():
        if (allowed := _allowed(constraints, point)) is not None:
            resolve(allowed, ("sweep", "try_first", number))
    found.problems = list(dict.fromkeys(found.problems))
    return found


def _allowed(constraints: Constraints, values: Values) -> Values | None:
    """A complete trial with some values that fulfils the constraints; None where none was found."""
    first = completed(constraints.space, values)
    if constraints.allows(first):
        return first
    return next(filter(constraints.allows, draws(constraints.space, "probes", values, MOST_COMPLETIONS)), None)


def _values_not_known(constraints: Constraints, values: Values, resolved: Resolved, location) -> Iterator[str]:
    """A problem for each key of which a constraint would take another value than the trial has.

    A default that depends on a choice: a search goes by what is written in `train`.
    """
    for position, condition in enumerate(constraints.conditions):
        for name in condition.names:
            if name not in constraints.space and constraints.value(values, name) != value_in(resolved.dump, name):
                where = location(("sweep", "constraints", position))
                yield (
                    f"{where}: sweep.constraints: {condition.text!r}: the default of {name} depends on what a trial "
                    "chooses. Write it in `train`, or make it an axis."
                )
