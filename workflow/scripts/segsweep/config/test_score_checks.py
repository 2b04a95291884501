"""What is wrong with a study's key `test`, found before its first job."""

from collections.abc import Callable
from pathlib import Path

from segsweep.config.dataset_keys import Dataset
from segsweep.config.split_keys import TEST
from segsweep.config.study import Study
from segsweep.data.hidden_labels import is_unlabeled
from segsweep.data.name_lists import split_names
from segsweep.data.readers import files

ENSEMBLE = "ensemble"


def lack_of_test_split(dataset: Dataset, root: Path) -> str:
    """What keeps models from being scored on a data set's test split, as the rest of a sentence; empty if nothing does.

    Args:
        dataset: the data set.
        root: its folder; what is not there is not looked at.
    """
    if TEST not in split_names(dataset, root):
        return "has no test split. Add one to `splits`"
    # A test split that is drawn from all images has their ground truth.
    listing = files(dataset, root).get(TEST) if root.is_dir() else None
    if listing is not None and is_unlabeled(TEST, listing):
        return "has no ground truth of its test split. Add it"
    return ""


def problems_of_test_score(
    study: Study, dataset: Dataset | None, root: Path, location: Callable[[tuple], str]
) -> list[str]:
    """All problems with `test`, each with file, line and a remedy; none where the study has no such key.

    Args:
        study: after `smoke`.
        dataset: its data set; None where segsweep does not train.
        root: folder of the data.
        location: `file:line` of a key of the study file.
    """
    if study.test is None:
        return []
    if dataset is None:
        return [
            f"{location(('test',))}: segsweep scores only networks that it has trained; this study has "
            f"`{'command' if study.command is not None else 'table'}`. Leave `test` out, and score on the test split "
            "where the networks are trained."
        ]
    found = []
    if lack := lack_of_test_split(dataset, root):
        found.append(f"{location(('test',))}: the data set {dataset.name} {lack}, or leave `test` out.")
    if study.test.of == ENSEMBLE and study.ensemble is None:
        found.append(
            f"{location(('test', 'of'))}: the study has no ensemble to score. Give it the key `ensemble`, or score "
            "`best`."
        )
    if study.test.of == ENSEMBLE and study.test.retrain != "none":
        found.append(
            f"{location(('test', 'retrain'))}: the members of an ensemble are trained on folds, each without the "
            "images that choose its epoch. Score them as they are with `retrain: none`, or train `best` again."
        )
    return found
