"""The chosen runs trained again on training and validation images together, for the test split.

No image is left to choose an epoch by: a run trains for as many epochs as validation chose for the run that it stands
for, under the schedule of a full training, and its last epoch counts.
"""

from collections.abc import Collection, Container, Iterable
from typing import Any, TypedDict

from segsweep.config.study import Study
from segsweep.planning.plan_file import RANKED_ROLES, RETRAIN, StudyPlan
from segsweep.search.requests import trial_runs
from segsweep.search.results import Result, read_result
from segsweep.search.step_files import ConfirmedSetting, RequestedRun, Trial
from segsweep.statuses import FAILED, USABLE
from segsweep.store.segment_store import SegmentStore

# In place of a fold: none is cut, all images of both splits are trained on.
WHOLE: dict[str, Any] = {"index": None, "k": None, "seed": None, "within": "train+val"}


class Finalist(TypedDict):
    """A setting with usable runs.

    `cell` is its name in the plan, `trial` that of its trial, if it is one; `set` what differs. `mean` is that of its
    usable runs, `failed` whether others failed. `seed`, `epoch` (its best one) and `total_epochs` are of its best run.
    """

    cell: str
    trial: int | None
    set: dict[str, Any]
    mean: float
    failed: bool
    seed: int
    epoch: int
    total_epochs: int


def retrains(study: Study) -> bool:
    """Whether chosen runs are trained again for the test split."""
    return study.test is not None and study.test.retrain != "none"


def chosen_count(study: Study) -> int:
    """How many settings `test` asks for."""
    return 1 if study.test.of == "best" else int(study.test.of.removeprefix("top "))


def finalists(
    study: Study,
    plan: StudyPlan,
    store: SegmentStore,
    trials: Iterable[Trial] = (),
    left_out: Container[str] = (),
) -> list[Finalist]:
    """The settings of a study that may be chosen, in the order of the plan.

    Args:
        study: after `smoke`.
        plan: of the study; its runs are trained.
        store: of all segments.
        trials: of its search, if it has one.
        left_out: segments that its budget has left out.
    """
    trial_of = {run["key"]: trial for trial in trials for run in trial_runs(study, trial)}
    results: dict[str, list[tuple[Any, Result]]] = {}
    for run in plan.runs:
        if run.role in RANKED_ROLES and not run.pruned:
            results.setdefault(run.cell, []).append((run, read_result(plan, store, run, run.epochs, left_out)))
    settings = {cell.cell: cell.settings for cell in plan.cells}
    found: list[Finalist] = []
    for cell, runs in results.items():
        usable = [one for one in runs if one[1]["status"] in USABLE and one[1]["best"]["value"] is not None]
        if not usable:
            continue
        scores = [result["best"]["value"] for _, result in usable]
        best, result = usable[scores.index(min(scores) if study.minimize else max(scores))]
        trial = trial_of.get(best.key)
        found.append(
            {
                "cell": cell,
                "trial": trial and trial["trial"],
                "set": trial["values"] if trial else settings[cell],
                "mean": sum(scores) / len(scores),
                "failed": any(result["status"] in FAILED for _, result in runs),
                "seed": best.seed,
                "epoch": result["best"]["epoch"],
                "total_epochs": best.epochs,
            }
        )
    return found


def in_order(
    study: Study, found: list[Finalist], confirmed: list[ConfirmedSetting], dropped: Collection[str] = ()
) -> list[Finalist]:
    """Settings as a study ranks them, the one that it recommends first.

    That is the winner of its confirmation; else the first without a run that failed that no race dropped; else the
    first.
    """
    sign = -1 if study.minimize else 1
    ranked = sorted(found, key=lambda one: -sign * one["mean"])
    fresh = [one for one in confirmed if one["mean"] is not None]
    winner = max(fresh, key=lambda one: sign * one["mean"], default=None)
    if winner is not None:
        key = "trial" if winner.get("trial") is not None else "cell"
        chosen = next((one for one in ranked if one[key] == winner[key]), None)
    else:
        chosen = next((one for one in ranked if not one["failed"] and one["cell"] not in dropped), None)
    return sorted(ranked, key=lambda one: one is not chosen)


def retraining_runs(
    study: Study, found: list[Finalist], confirmed: list[ConfirmedSetting], dropped: Collection[str] = ()
) -> list[RequestedRun]:
    """The runs that `test` asks for: of the best setting, or of the first few."""
    return [
        {
            "key": f"retrain-{one['cell']}-s{one['seed']}-e{one['epoch']}",
            "role": RETRAIN,
            "trial": one["trial"],
            "cell": one["cell"],
            "set": one["set"],
            "seed": one["seed"],
            "fold": WHOLE,
            "epochs": one["epoch"],
            "total_epochs": one["total_epochs"],
        }
        for one in in_order(study, found, confirmed, dropped)[: chosen_count(study)]
    ]
