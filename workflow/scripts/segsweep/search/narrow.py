"""A second sweep's space, narrowed to where an earlier sweep was good."""

import math
from pathlib import Path
from typing import Any

from segsweep.config.search import Dimension
from segsweep.config.study import Study
from segsweep.errors import InputError
from segsweep.planning.plan_file import read_plan
from segsweep.search.confirmation import candidates_of, ranked
from segsweep.search.constraints import Constraints
from segsweep.search.random_points import some_point
from segsweep.search.search_tables import read_trials
from segsweep.search.space import Space, same, steps
from segsweep.search.step_files import Trial, read_steps

# An axis on which the best trials all agree keeps this share of its old width.
LEAST_WIDTH = 0.1


def earlier_trials(path: Path) -> list[Trial]:
    """Trials of an earlier study: of the decisions in its folder `sweep`, or of a trials.csv that was kept of it.

    Raises:
        InputError: there are none, or its search is still running.
    """
    if not path.is_dir() and path.suffix == ".csv":
        return read_trials(path)
    steps = read_steps(path)
    if not steps or steps[-1]["phase"] == "search":
        found = f"its search is still running (step {steps[-1]['step']})" if steps else "there are no trials"
        raise InputError(f"{path}: {found}, and another study's space is to be narrowed by them. Run that study first.")
    return steps[-1]["trials"]


def ranks_otherwise(study: Study, plan: Path) -> str:
    """What is wrong if the earlier study, whose plan.json this is, ranked its trials by another score; else empty."""
    if not plan.is_file():
        return ""
    earlier = read_plan(plan)
    theirs, ours = (earlier.metric, earlier.minimize), (study.metric, study.minimize)
    if theirs == ours:
        return ""
    first, second = (f"the {'lowest' if minimize else 'highest'} {metric}" for metric, minimize in (theirs, ours))
    return f"its trials were ranked by {first}, those of this study by {second}. Both must rank alike."


def narrowed(study: Study, earlier: list[Trial]) -> tuple[Space, dict[str, Any]]:
    """The study's space, narrowed by the best share of an earlier study's trials.

    A range shrinks to the hull of the best trials' values, at least a tenth of its width (of the width of the logarithm
    on a log axis); choices shrink to those among the best. Nothing leaves the old bounds. An axis about which the
    earlier trials say nothing stays. Start points of the study stay inside.

    Args:
        study: with `sweep.narrow`.
        earlier: the earlier study's trials: `trial`, `values`, `score`, `status`.

    Returns:
        The space, and its lineage: `from`, `top`, `trials` (numbers and scores of those that span it), `changes`.
    """
    narrow = study.sweep.narrow
    candidates = ranked(candidates_of(earlier), study.minimize)
    best = candidates[: math.ceil(narrow.top * len(candidates) - 1e-9)]
    space: Space = {}
    changes = []
    for axis, dimension in study.sweep.space.items():
        values = [trial["set"][axis] for trial in best if axis in trial["set"]]
        started = [point[axis] for point in study.sweep.try_first if values and axis in point]
        after = (_choices if dimension.choices is not None else _range)(dimension, values + started)
        space[axis] = after
        changes.append({"axis": axis, "before": _shown(dimension), "after": _shown(after), "trials": len(values)})
    constraints = Constraints(study)
    if study.sweep.constraints and some_point(space, {}, constraints.allows, "narrowed") is None:
        raise InputError(
            f"sweep.narrow: where the trials of {narrow.source} were good, no point was found that fulfils the "
            "constraints. Raise `top`, or take constraints out."
        )
    lineage = {
        "from": narrow.source,
        "top": narrow.top,
        "of": len(candidates),
        "trials": [{"trial": trial["trial"], "score": trial["score"]} for trial in best],
        "changes": changes,
    }
    return space, lineage


def _choices(dimension: Dimension, values: list[Any]) -> Dimension:
    kept = [choice for choice in dimension.choices if any(same(choice, value) for value in values)]
    return dimension.model_copy(update={"choices": kept or dimension.choices})


def _range(dimension: Dimension, values: list[Any]) -> Dimension:
    low, high = dimension.low, dimension.high
    numbers = [value for value in values if isinstance(value, int | float) and low <= value <= high]
    if not numbers:
        return dimension
    to_scale, from_scale = (math.log, math.exp) if dimension.log else (float, float)
    start, end, left, right = to_scale(min(numbers)), to_scale(max(numbers)), to_scale(low), to_scale(high)
    lacking = LEAST_WIDTH * (right - left) - (end - start)
    if lacking > 0:
        # Widened on both sides, then moved back between the old bounds.
        start, end = start - lacking / 2, end + lacking / 2
        shift = max(left - start, 0.0) - max(end - right, 0.0)
        start, end = start + shift, end + shift
    return _on_lattice(
        dimension, max(float(f"{from_scale(start):.6g}"), low), min(float(f"{from_scale(end):.6g}"), high)
    )


def _on_lattice(dimension: Dimension, low: float, high: float) -> Dimension:
    """The range, grown to the axis' own values where it is stepped or whole."""
    if dimension.step is not None:
        first = math.floor((low - dimension.low) / dimension.step + 1e-9)
        last = min(math.ceil((high - dimension.low) / dimension.step - 1e-9), steps(dimension))
        first = min(first, max(last - 1, 0))
        ends = (dimension.low + number * dimension.step for number in (first, max(last, first + 1)))
        low, high = (float(f"{end:.12g}") for end in ends)
    elif dimension.integer:
        low = min(math.floor(low), dimension.high - 1)
        high = max(math.ceil(high), low + 1)
    return dimension.model_copy(update={"low": float(low), "high": float(min(high, dimension.high))})


def _shown(dimension: Dimension) -> Any:
    return dimension.choices if dimension.choices is not None else [dimension.low, dimension.high]
