"""How often a study's test split was looked at: a ledger of all different looks, kept beside the study's results.

Whoever sees scores of a test split can choose by them, and a split by which something was chosen is a test no longer.
So each look is written down. The ledger is no output of a rule: it survives reruns, and nothing makes it again.
"""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from segsweep.config.split_keys import TEST
from segsweep.inference.chosen_models import BEST, ENSEMBLE
from segsweep.io import read_json, write_json
from segsweep.planning.plan_file import StudyPlan
from segsweep.planning.results_files import TEST_LOOKS
from segsweep.store.lock import Lock

RESTORE = "It cannot be made again: restore it from a backup; or remove it, and looks are counted from now on."


@dataclass(frozen=True)
class Look:
    """One way of looking at the test split. Two looks that are equal are one: a rerun is no new one.

    Attributes:
        by: the program that looked: `score_test`.
        of: what it was asked for: `best`, `ensemble`, or the name of a run.
        runs: of the models.
        models: ids of the segments with their weights.
        metric: `test/miou`.
        how: how the models decide, or with which post-processing; empty where there is nothing to say.
    """

    by: str
    of: str
    runs: list[str]
    models: list[str]
    metric: str
    how: str = ""


def record_look(folder: Path, look: Look) -> int:
    """Write a look into the ledger of a study, unless it is there; jobs that look at the same time wait for each other.

    Args:
        folder: results/<study>.
        look: what was looked at.

    Returns:
        How many different looks there were so far, with this one.

    Raises:
        InputError: the ledger cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with Lock(folder / f".{TEST_LOOKS}.lock", say=lambda _: None):
        looks = read_looks(folder)
        if _identity(asdict(look)) not in map(_identity, looks):
            looks.append(asdict(look) | {"first": time.strftime("%Y-%m-%d")})
            write_json(folder / TEST_LOOKS, {"looks": looks})
    return len(looks)


def _identity(look: dict[str, Any]) -> dict[str, Any]:
    """What makes a look another one: not its day, nor the order in which its models are named."""
    return {
        name: sorted(value) if isinstance(value, list) else value for name, value in look.items() if name != "first"
    }


def look_of(plan: StudyPlan, by: str, of: str, runs: list[str], how: str = "") -> Look:
    """A look by runs of a plan, at the study's own metric."""
    models = [plan.run_named(run).segments[-1] for run in runs]
    return Look(by, of, runs, models, f"{TEST}/{plan.metric.partition('/')[2]}", how)


def record_evaluation(folder: Path, plan: StudyPlan, about: dict[str, Any], postprocess: dict[str, Any]) -> None:
    """Count what `evaluate_run` saw of the test split, if it saw that one.

    Args:
        folder: results/<study>.
        plan: of the study.
        about: of the evaluation.
        postprocess: keys that were laid over the run's own.
    """
    if about["split"] == TEST:
        how = ", ".join(f"{key}={value}" for key, value in sorted(postprocess.items()))
        record_look(folder, look_of(plan, "evaluate_run", about["run"], [about["run"]], how))


def record_ensemble(folder: Path, plan: StudyPlan, found: dict[str, Any]) -> None:
    """Count what `score_ensemble` saw of the test split, if it scored on that one; `found` is what it found."""
    if found["split"] == TEST and found["rows"]:
        runs = [row["run"] for row in found["rows"] if row["run"] != ENSEMBLE]
        how = f"{found['method']}, {found['min_votes']} votes needed"
        record_look(folder, look_of(plan, "score_ensemble", ENSEMBLE, runs, how))


def record_predictions(folder: Path, plan: StudyPlan, about: dict[str, Any]) -> None:
    """Count what `predict_test` predicted, if it can be held against ground truth; `about` is submission.json."""
    if about["split"] == TEST and about["labeled"]:
        of = BEST if len(about["models"]) == 1 else ENSEMBLE
        record_look(folder, look_of(plan, "predict_test", of, about["models"], about["method"]))


def read_looks(folder: Path) -> list[dict[str, Any]]:
    """The looks at a study's test split, each as the keys of `Look` and the day on which it was `first` taken."""
    path = folder / TEST_LOOKS
    return read_json(path, if_damaged=RESTORE)["looks"] if path.is_file() else []
