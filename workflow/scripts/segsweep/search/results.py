"""What runs showed, read from the store for the next decision."""

import math
from collections.abc import Container, Iterable
from typing import Any, NotRequired, TypedDict

from segsweep.data.classes import task_and_classes
from segsweep.errors import InputError
from segsweep.metrics import column
from segsweep.planning.plan_file import PlannedRun, StudyPlan
from segsweep.search.objectives import curve_objectives, means
from segsweep.search.step_files import Candidate, RequestedRun
from segsweep.statuses import FAILED, LEFT_OUT
from segsweep.store.best_epoch import read_epochs
from segsweep.store.model_costs import costs_file, read_costs
from segsweep.store.run_costs import run_costs
from segsweep.store.segment_record import SegmentRecord
from segsweep.store.segment_store import SegmentStore


class Best(TypedDict):
    """The best value of a curve and the first epoch, counted from 1, that reached it; None twice if it has none."""

    epoch: int | None
    value: float | None


class Result(TypedDict):
    """A run up to the epochs that were requested.

    `curve` holds the metric after each epoch, None where it is no number. `segment` is the last one read. `objectives`
    are those of a study that has several: at the best epoch, costs up to the requested epochs. `status` of one that the
    study's budget left out before these epochs is `left_out`; its costs are not known.
    """

    status: str
    epochs: int
    best: Best
    curve: list[float | None]
    run: str
    segment: str
    objectives: NotRequired[dict[str, float | None]]


def gather(
    plan: StudyPlan, store: SegmentStore, requested: list[RequestedRun], left_out: Container[str] = ()
) -> dict[str, Result]:
    """The results of the runs that a step requested, by their key.

    Only segments up to the requested epochs are read, so that a run which was extended since then yields the same.
    `left_out` are segments that the study's budget has left out.

    Raises:
        InputError: a run that is not in the plan, a segment that is not in the store, or a model that is not measured.
    """
    runs: dict[str, PlannedRun] = {}
    for run in plan.runs:
        if run.key and run.epochs >= runs.get(run.key, run).epochs:
            runs[run.key] = run
    missing = [run["key"] for run in requested if run["key"] not in runs]
    if missing:
        raise InputError(f"plan.json holds no run for {', '.join(missing)}. Start Snakemake again: it makes the plan.")
    _check_measured(plan, store, (runs[run["key"]].cell for run in requested))
    return {run["key"]: read_result(plan, store, runs[run["key"]], run["epochs"], left_out) for run in requested}


def score_of(result: Result, epochs: int, minimize: bool) -> dict[str, Any]:
    """Status and score of a run that was requested in full; the score is None of one that failed, was left out by the
    budget, or has none."""
    value = best_of(result["curve"][:epochs], minimize)["value"]
    whole = result["status"] not in (*FAILED, LEFT_OUT)
    return {"status": result["status"], "score": value if whole else None}


def scores_of(requested: list[RequestedRun], results: dict[str, Result], minimize: bool) -> list[dict[str, Any]]:
    """Key, seed, fold (its index), status and score of each requested run."""
    return [
        {"key": run["key"], "seed": run["seed"], "fold": run["fold"] and run["fold"]["index"]}
        | score_of(results[run["key"]], run["epochs"], minimize)
        for run in requested
    ]


def cells_with_scores(plan: StudyPlan, store: SegmentStore, left_out: Container[str] = ()) -> list[Candidate]:
    """The cells of a study without sweep, each with the score of each run that is planned from the start.

    Runs that the budget left out (`left_out` are segments) are not among them, nor are cells of which it left out all.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    epochs = {}
    for run in plan.runs:
        if not run.key:
            result = read_result(plan, store, run, run.epochs, left_out)
            if result["status"] == LEFT_OUT:
                continue
            scored = score_of(result, run.epochs, plan.minimize)
            about = {"key": run.run, "seed": run.seed, "fold": run.fold}
            about |= {"objectives": result["objectives"]} if "objectives" in result else {}
            found.setdefault(run.cell, []).append(about | scored)
            epochs[run.cell] = run.epochs
    settings = {cell.cell: cell.settings for cell in plan.cells}
    return [
        {"cell": cell, "set": settings[cell], "score": None, "epochs": epochs[cell], "scores": scores}
        for cell, scores in found.items()
    ]


def scored_cells(plan: StudyPlan, store: SegmentStore, left_out: Container[str] = ()) -> list[Candidate]:
    """The cells of a study without sweep, each with its mean score: the candidates of its first decision.

    A cell of which a run failed is none, nor is one of which the budget has left out all runs.
    """
    _check_measured(plan, store, (run.cell for run in plan.runs if not run.key))
    cells = cells_with_scores(plan, store, left_out)
    scores = {one["cell"]: [run["score"] for run in one["scores"]] for one in cells}
    objectives = {one["cell"]: [run.get("objectives", {}) for run in one["scores"]] for one in cells}
    return [
        {name: one[name] for name in ("cell", "set", "epochs")}
        | {"score": sum(scores[one["cell"]]) / len(scores[one["cell"]])}
        | ({"objectives": means(objectives[one["cell"]], list(plan.objectives))} if plan.objectives else {})
        for one in cells
        if None not in scores[one["cell"]]
    ]


def _check_measured(plan: StudyPlan, store: SegmentStore, cells: Iterable[str]) -> None:
    """Raises: InputError if costs of a model are an objective, and the model of a cell was not measured."""
    for address in {plan.model_costs.get(cell) for cell in cells} - {None}:
        if not costs_file(store.root, address).is_file():
            raise InputError(
                f"{costs_file(store.root, address)}: is missing, the costs of a model. Start Snakemake again: it "
                "measures it."
            )


def read_result(
    plan: StudyPlan, store: SegmentStore, run: PlannedRun, epochs: int, left_out: Container[str] = ()
) -> Result:
    """What a run showed up to an epoch, or up to the first segment that the study's budget has left out."""
    task, classes = task_and_classes(plan.dataset)
    curves: dict[str, list[float | None]] = {name: [] for name in (plan.metric, *curve_objectives(plan))}
    records: list[SegmentRecord] = []
    status, trained, last = "finished", 0, ""
    for segment in run.segments:
        if segment in left_out:
            status = LEFT_OUT
            break
        record = store.record(segment)
        records.append(record)
        status, last = record.status, segment
        # A segment that continues a run which ended copies its status, and may have no rows.
        trained = max(trained, min(record.epochs, record.last_epoch))
        if record.trained_epochs:
            rows, counts = read_epochs(store, segment, plan.program_results)
            for name, curve in curves.items():
                for row, value in zip(rows, column(name, rows, counts, task, classes), strict=True):
                    epoch = int(float(row["epoch"]))
                    curve += [None] * (epoch - len(curve))
                    curve[epoch - 1] = value if math.isfinite(value) else None
        if status != "finished" or record.last_epoch >= epochs:
            break
    curve = curves[plan.metric][:epochs]
    found: Result = {
        "status": status,
        "epochs": min(trained, epochs),
        "best": best_of(curve, plan.minimize),
        "curve": curve,
        "run": run.run,
        "segment": last,
    }
    if plan.objectives:
        costs = {} if status == LEFT_OUT else run_costs(records, found["epochs"])
        costs |= read_costs(plan, store, run.cell)
        best = found["best"]["epoch"]
        at_best = {name: curves[name][best - 1] if best else None for name in curves}
        found["objectives"] = {name: (at_best | costs).get(name) for name in plan.objectives}
    return found


def best_of(curve: list[float | None], minimize: bool) -> Best:
    """The best value of a curve and the first epoch that reached it."""
    sign = -1 if minimize else 1
    known = [(epoch, value) for epoch, value in enumerate(curve, 1) if value is not None and math.isfinite(value)]
    if not known:
        return {"epoch": None, "value": None}
    epoch, value = max(known, key=lambda pair: (sign * pair[1], -pair[0]))
    return {"epoch": epoch, "value": value}
