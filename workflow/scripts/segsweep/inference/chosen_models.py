"""Which of a study's trained models are meant: its best run, a run by name, the best settings, or its ensemble."""

import re
from dataclasses import dataclass
from pathlib import Path

from segsweep.errors import InputError
from segsweep.io import read_csv, read_json_or_none
from segsweep.planning.plan_file import RETRAIN, PlannedRun, StudyPlan
from segsweep.store.segment_store import SegmentStore

BEST, ENSEMBLE = "best", "ensemble"
TOP = re.compile(r"top ([1-9]\d*)")


@dataclass(frozen=True)
class ChosenModels:
    """Models that are used together, or one by one.

    Attributes:
        of: what was asked for.
        runs: of the models, the best one first.
        method: how several decide together: `vote` or `mean`.
        min_votes: see `segsweep.inference.ensemble.Ensemble`.
    """

    of: str
    runs: list[PlannedRun]
    method: str = "vote"
    min_votes: int | None = None


class NothingUsable(InputError):
    """No run of those that are asked for is trained and has a score."""


def models_to_test(plan: StudyPlan, store: SegmentStore, ranking: Path) -> ChosenModels:
    """The models that the study's key `test` asks for, trained again if it says so; none where none is usable.

    Args:
        plan, store, ranking: see `choose_models`.
    """
    of = plan.study["test"]["of"]
    if plan.study["test"]["retrain"] != "none":
        return ChosenModels(of, [run for run in plan.runs if run.role == RETRAIN])
    try:
        return choose_models(plan, store, ranking, of)
    except NothingUsable:
        return ChosenModels(of, [])


def choose_models(plan: StudyPlan, store: SegmentStore, ranking: Path, of: str = BEST) -> ChosenModels:
    """The models that are meant by a word.

    Args:
        plan: of the study.
        store: of all segments.
        ranking: ranking.csv of the study.
        of: `best`, the best run of the best setting; `top 3`, the best run of each of the first three; `ensemble`, the
            members of the study's ensemble; or the name of a run. The best setting is the one of best.yaml where the
            study is analyzed (analysis.json beside the ranking says so); the others follow as they are ranked.

    Raises:
        InputError: there is no such run, nothing is trained, or segsweep did not train the models.
    """
    plan.check_builds_networks()
    if of == ENSEMBLE:
        from segsweep.inference.loaded_ensemble import members_of  # here: it imports torch, others need not

        members, _ = members_of(plan, store)
        if not members:
            raise NothingUsable(
                f"{plan.study_file}: the study has no ensemble whose members are trained. Give it the key `ensemble`, "
                f"train it, or ask for `{BEST}` in place of `{ENSEMBLE}`."
            )
        wish = plan.study["ensemble"]
        return ChosenModels(of, members, wish["method"], wish["min_votes"])
    return ChosenModels(of, choose_runs(plan, ranking, of))


def choose_runs(plan: StudyPlan, ranking: Path, of: str = BEST) -> list[PlannedRun]:
    """The runs that are meant by a word, whoever trained them; see `choose_models`. They are no ensemble.

    Raises:
        InputError: there is no such run, or nothing is trained.
    """
    top = TOP.fullmatch(of)
    if of != BEST and top is None:
        return [plan.run_named(of)]
    wanted = int(top[1]) if top else 1
    best = (read_json_or_none(ranking.with_name("analysis.json")) or {}).get("best") or {}
    rows = sorted(read_csv(ranking, "Train the study first."), key=lambda row: row["cell"] != best.get("cell"))
    ranked = [row["best_run"] for row in rows if row["best_run"]]
    if not ranked:
        raise NothingUsable(f"{ranking}: no setting has a usable run. Train the study first.")
    return [plan.run_named(name) for name in ranked[:wanted]]
