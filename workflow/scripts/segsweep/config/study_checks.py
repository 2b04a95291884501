"""What a study asks of its data set, and of itself, and cannot have: found before its first job."""

from collections.abc import Callable, Iterator
from math import inf, isfinite
from pathlib import Path

from segsweep import metrics
from segsweep.analysis.measures import NAMES as MEASURES_OF_RUNS
from segsweep.config.claims import kind_of
from segsweep.config.dataset_keys import Dataset
from segsweep.config.objective_checks import wrong_costs_reported, wrong_objectives
from segsweep.config.objectives import COST
from segsweep.config.search import Ensemble
from segsweep.config.split_keys import TEST, VAL
from segsweep.config.study import Study
from segsweep.config.test_score_checks import lack_of_test_split
from segsweep.config.yaml_documents import nearest
from segsweep.data.classes import class_table
from segsweep.errors import InputError

Location = Callable[[tuple], str]


def with_split_to_score_on(ensemble: Ensemble, dataset: Dataset, root: Path, location: Location) -> Ensemble:
    """The ensemble with its `score_on` filled in: a test split, where there is one with ground truth."""
    lack = lack_of_test_split(dataset, root)
    if ensemble.score_on == TEST and lack:
        raise InputError(
            f"{location(('ensemble', 'score_on'))}: the data set {dataset.name} {lack}, or score on `val`: the folds "
            "of the members are then drawn within `train`."
        )
    return ensemble.model_copy(update={"score_on": ensemble.score_on or (VAL if lack else TEST)})


def use_metrics(study: Study, location: Location) -> None:
    """From here on, this process knows the study's own metrics."""
    try:
        metrics.use_own(study.metrics)
    except InputError as error:
        raise InputError(*(f"{location(('metrics',))}: metrics: {problem}" for problem in error.problems)) from error


def wrong_metrics(study: Study, dataset: Dataset, location: Location) -> list[str]:
    """A problem for each metric that a study names and its data set's task does not have."""
    named = [] if study.objectives else [(("metric",), study.metric)]
    named += [(("also_report",), metric) for metric in study.also_report if not metric.startswith(COST)]
    classes = class_table(dataset).names
    found = metrics.check(((location(keys), metric) for keys, metric in named), dataset.task, classes)
    found += wrong_objectives(study, location, dataset.task, classes)
    found += wrong_costs_reported(study, location, of_program=False)
    columns = [*metrics.columns(dataset.task, classes), *MEASURES_OF_RUNS]
    for number, claim in enumerate(study.claims):
        column = getattr(claim, "of", None)
        is_part_of_loss = column is not None and column.startswith("val/") and metrics.is_loss(column)
        if column is not None and column not in columns and not is_part_of_loss:
            found.append(
                f"{location(('claims', number, 'of'))}: claims: {claim.id} speaks of {column!r}, and runs.csv has no "
                f"such column. {nearest(column, columns)}"
            )
    return found


def claims_without_ground(study: Study, location: Location) -> list[str]:
    """A problem for each claim that nothing of the study could ever decide."""
    return [
        f"{location(('claims', number))}: claims: {claim.id} is judged by what `{claim.needs}` trains, and the study "
        f"has no `{claim.needs}`. Add it, or take the claim out."
        for number, claim in enumerate(study.claims)
        if claim.needs is not None and getattr(study, claim.needs) is None
    ]


def beyond_range(study: Study, location: Location) -> list[str]:
    """A problem for each score, or difference of scores, that the study's metric never has: 85 where it ends at 1."""
    metric = metrics.metric_of(study.metric) if study.train is not None else None
    ends = metric.range if metric else (None, None)
    low, high = (-inf if ends[0] is None else ends[0]), (inf if ends[1] is None else ends[1])
    said = (
        f"{study.metric} lies between {low:g} and {high:g}" if isfinite(high) else f"{study.metric} is at least {low:g}"
    )
    found = [(keys, name, value) for keys, name, value in _scores(study) if not low <= value <= high]
    found += [(keys, name, value) for keys, name, value in _differences(study) if abs(value) > high - low]
    problems = []
    for keys, name, value in found:
        remedy = f"Did you mean {value / 100:g}?" if isfinite(high) and low <= value / 100 <= high else "Correct it."
        problems.append(f"{location(keys)}: {name} is {value:g}, and {said}. {remedy}")
    return problems


def _scores(study: Study) -> Iterator[tuple[tuple, str, float]]:
    """Where a study names a score of its metric, under what name, and the score."""
    for number, claim in enumerate(study.claims):
        for name, value in zip(("success", "acceptable"), claim.bars() or (), strict=False):
            yield ("claims", number, kind_of(claim), name), f"claims: {name} of {claim.id}", value
    for name in ("preserve", "lower", "upper") if study.sweep else ():
        if (value := getattr(study.sweep.pruner, name, None)) is not None:
            yield ("sweep", "pruner", name), f"sweep.pruner.{name}", value


def _differences(study: Study) -> Iterator[tuple[tuple, str, float]]:
    """As `_scores`, of differences of two scores."""
    if study.matters is not None:
        yield ("matters",), "matters", study.matters
    for number, run in enumerate(study.runs or []):
        for gain in run.expect.gain if run.expect else ():
            yield ("runs", number, "expect", "gain"), f"gain of run {run.id}", gain
