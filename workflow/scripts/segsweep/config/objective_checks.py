"""What a study asks of its objectives and cannot have: found before its first job."""

from collections.abc import Callable, Iterable

from segsweep import metrics
from segsweep.analysis.measures import COSTS, MODEL_COSTS
from segsweep.config.metric_direction import lower_is_better
from segsweep.config.objectives import COST, MAXIMIZE, MINIMIZE
from segsweep.config.study import Study
from segsweep.config.yaml_documents import nearest

Location = Callable[[tuple], str]
OF_MODELS = tuple(column.name for column in MODEL_COSTS)
OF_RUNS = tuple(column.name for column in COSTS)
NOT_OF_PROGRAMS = (*OF_MODELS, "cost/parameters")  # of whose networks nobody knows


def wrong_objectives(study: Study, location: Location, task: str | None, classes: Iterable[str]) -> list[str]:
    """A problem for each objective that the study's runs do not have, or whose direction is the wrong one.

    Args:
        study: the study.
        location: where a key stands, as `file:line`.
        task: of the data set; None of a program of the user's own.
        classes: all of the data set.
    """
    found = []
    for name, direction in study.objectives.items():
        where = location(("objectives", name))
        if name.startswith(COST):
            found += _wrong_cost(name, where, of_program=task is None)
        elif task is not None:
            found += metrics.check([(f"{where}: objectives", name)], task, list(classes))
        right = right_direction(name, of_program=task is None)
        if right is not None and direction != right:
            better = "lower" if right == MINIMIZE else "higher"
            found.append(
                f"{where}: objectives: {name} is to be {direction}d, and {better} is better. Write `{name}: {right}`."
            )
    return found


def named_costs(study: Study) -> list[str]:
    """Costs of models that a study names, as an objective or in `also_report`."""
    return [name for name in OF_MODELS if name in study.objectives or name in study.also_report]


def wrong_costs_reported(study: Study, location: Location, *, of_program: bool) -> list[str]:
    """A problem for each cost in `also_report` that nobody measures."""
    return [
        problem
        for number, name in enumerate(study.also_report)
        if name.startswith(COST)
        for problem in _wrong_cost(name, location(("also_report", number)), of_program=of_program)
    ]


def right_direction(name: str, *, of_program: bool) -> str | None:
    """The only direction that a column can sensibly have; None where it is not known.

    What a program calls a score is its own: there, a loss may be one of which higher is better.
    """
    if name.startswith(COST):
        return MINIMIZE
    if of_program:
        return None
    if lower_is_better(name):
        return MINIMIZE
    metric = metrics.metric_of(name)
    return MAXIMIZE if metric and metric.own is None and metric.direction == "maximize" else None


def _wrong_cost(name: str, where: str, *, of_program: bool) -> list[str]:
    known = [*OF_RUNS, *OF_MODELS]
    if name not in known:
        return [f"{where}: no cost is called {name}. {nearest(name, known)}"]
    if of_program and name in NOT_OF_PROGRAMS:
        return [
            f"{where}: {name} is measured of networks that segsweep builds, and a program of your own trains here. Let "
            f"it write it to its results, and name it there: `results: {{columns: {{val/{name.rpartition('/')[2]}: ITS "
            "NAME IN THE FILE}}`."
        ]
    return []
