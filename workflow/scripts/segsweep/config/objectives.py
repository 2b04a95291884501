"""Several objectives of a study: what belongs together in `objectives`, `metric`, `minimize` and `sweep`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from segsweep.config.racing import race_in

if TYPE_CHECKING:
    from segsweep.config.study import Study

MAXIMIZE, MINIMIZE = "maximize", "minimize"
MOST_OBJECTIVES = 5
COST = "cost/"


def with_metric(values: Any) -> Any:
    """The values of a study with its metric and its direction, where its objectives say them.

    Args:
        values: as a person wrote them; anything else than a mapping stays as it is.
    """
    objectives = values.get("objectives") if isinstance(values, dict) else None
    if not isinstance(objectives, dict) or not objectives:
        return values
    metric = values.get("metric", next(iter(objectives)))
    direction = objectives.get(metric) if isinstance(metric, str) else None
    found = {"metric": metric}
    if direction in (MAXIMIZE, MINIMIZE):
        found["minimize"] = direction == MINIMIZE
    return found | values


def directions_of(objectives: dict[str, str]) -> dict[str, float]:
    """By objective, 1 if high values are good, -1 if low ones are."""
    return {name: -1.0 if direction == MINIMIZE else 1.0 for name, direction in objectives.items()}


def contradictions(study: "Study") -> Iterator[str]:
    """What does not fit the objectives of a study, each problem with the key that it is about in front."""
    objectives = study.objectives
    if not objectives:
        if study.confirm is not None and study.confirm.of == "front":
            yield "confirm.of: front, and the study has one objective. Name several in `objectives`, or leave out `of`"
        return
    names = ", ".join(objectives)
    if study.table is not None:
        yield "objectives: only of a study that trains; of results made elsewhere, leave them out"
    if not 2 <= len(objectives) <= MOST_OBJECTIVES:
        yield (
            f"objectives: found {len(objectives)} ({names}), allowed are 2 to {MOST_OBJECTIVES}. For a single one "
            "write `metric: NAME`, and `minimize: true` where lower is better; report others with `also_report`"
        )
    if study.metric not in objectives:
        yield (
            f"metric: {study.metric} is none of the objectives ({names}). Runs are ranked, and checkpoints chosen, by "
            "one of them: name it, or leave out `metric`, for the first one"
        )
    elif study.minimize != (objectives[study.metric] == MINIMIZE):
        yield (
            f"minimize: {str(study.minimize).lower()}, and objectives say `{study.metric}: "
            f"{objectives[study.metric]}`. Leave out `minimize`"
        )
    elif study.metric.startswith(COST):
        yield (
            f"metric: {study.metric} has one value for a whole run, and the best epoch is chosen by it. Name an "
            "objective that each epoch has, such as val/miou"
        )
    if study.sweep is not None:
        yield from _of_search(study)
    if study.race is not None:
        yield (
            f"seeds: a race compares settings by one number, and there are {len(objectives)} objectives: one that it "
            "drops may be the best in another one. List the seeds"
        )
    if study.confirm is not None and study.confirm.of == "front" and race_in(study.confirm.seeds):
        yield "confirm.seeds: a race compares by `metric` alone, and `of: front` confirms a trade-off. List the seeds"


def _of_search(study: "Study") -> Iterator[str]:
    sampler, pruner = study.sweep.sampler, study.sweep.pruner
    if not sampler.several_objectives:
        yield (
            f"sweep.sampler: {sampler.name} follows one score, and there are {len(study.objectives)} objectives. Write "
            "`sampler: tpe`, `nsga2`, `gp`, `random`, `qmc` or `grid`"
        )
    if pruner.name != "none":
        yield (
            f"sweep.pruner: {pruner.name} compares trials by one number, and there are {len(study.objectives)} "
            "objectives: a trial that it prunes may be the best in another one. Leave out `pruner`, or write "
            "`pruner: {name: none}`"
        )
