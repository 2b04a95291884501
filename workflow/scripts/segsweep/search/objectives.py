"""Settings compared by several objectives at once: vectors of losses, and the front that none is ahead of."""

from collections.abc import Mapping, Sequence

from segsweep.config.objectives import COST, directions_of
from segsweep.planning.plan_file import StudyPlan
from segsweep.search.step_files import Candidate, Trial
from segsweep.statuses import FAILED

UNTOLD = {*FAILED, "running"}
Losses = list[float]  # one of each objective; lower is better


def told_losses(trials: list[Trial], minimize: bool, objectives: Mapping[str, str]) -> list[Losses | None]:
    """What a sampler is told of each trial: its losses; a failed one is as bad as the worst in each objective.

    None of one that still trains, and of a failed one while there is no other.

    Args:
        trials: in order.
        minimize: whether lower scores are better.
        objectives: by name, `maximize` or `minimize`; without any, the trials' score is the only one.
    """
    known = [_losses(trial, minimize, objectives) for trial in trials]
    there = [losses for losses in known if losses is not None]
    worst = [max(values) for values in zip(*there, strict=True)] or None
    return [
        worst if losses is None and trial["status"] != "running" else losses
        for losses, trial in zip(known, trials, strict=True)
    ]


def _losses(trial: Trial, minimize: bool, objectives: Mapping[str, str]) -> Losses | None:
    if trial["status"] in UNTOLD or trial["score"] is None:
        return None
    if not objectives:
        return [trial["score"] * (1.0 if minimize else -1.0)]
    found = [trial["objectives"][name] for name in objectives]
    if None in found:
        return None
    return [-sign * value for sign, value in zip(directions_of(objectives).values(), found, strict=True)]


def curve_objectives(plan: StudyPlan) -> list[str]:
    """The objectives of a study, its metric aside, that each epoch has: no costs."""
    return [name for name in plan.objectives if name != plan.metric and not name.startswith(COST)]


def is_ahead(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether losses are nowhere higher than others, and lower in one: it dominates."""
    return all(a <= b for a, b in zip(one, other, strict=True)) and any(a < b for a, b in zip(one, other, strict=True))


def members_of_front(candidates: Sequence[Candidate], objectives: Mapping[str, str]) -> list[Candidate]:
    """The candidates that none is ahead of, in their order; those that lack an objective are left out.

    Args:
        candidates: with `objectives`, their values by name.
        objectives: by name, `maximize` or `minimize`.
    """
    signs = directions_of(objectives)
    known = [one for one in candidates if None not in one["objectives"].values()]
    losses = [[-sign * one["objectives"][name] for name, sign in signs.items()] for one in known]
    return [one for one, own in zip(known, losses, strict=True) if not any(is_ahead(other, own) for other in losses)]


def means(found: Sequence[Mapping[str, float | None]], names: Sequence[str]) -> dict[str, float | None]:
    """The mean of each objective over runs; None where a run lacks it."""
    values = {name: [one.get(name) for one in found] for name in names}
    return {name: None if None in ones or not ones else sum(ones) / len(ones) for name, ones in values.items()}
