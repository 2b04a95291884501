"""What a study asks of its data set, and of itself, and cannot have: found before its first job."""

from collections.abc import Callable
from pathlib import Path

from segsweep import metrics
from segsweep.analysis.measures import NAMES as MEASURES_OF_RUNS
from segsweep.config.dataset_keys import Dataset
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
    named = [(("metric",), study.metric)]
    named += [(("also_report",), metric) for metric in study.also_report]
    classes = class_table(dataset).names
    found = metrics.check(((location(keys), metric) for keys, metric in named), dataset.task, classes)
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
