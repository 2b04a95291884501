"""What runs showed, read from the store for the next decision."""

import math
from pathlib import Path
from typing import Any, TypedDict

from segsweep.config.dataset import Dataset, parse_dataset
from segsweep.data.classes import class_table
from segsweep.errors import InputError
from segsweep.io import read_json
from segsweep.metrics import column
from segsweep.search.step_files import Candidate, RequestedRun
from segsweep.store.best_epoch import read_epochs
from segsweep.store.segment_store import SegmentStore

# How a run may end that yields no score.
FAILED = ("diverged", "oom")


class Best(TypedDict):
    """The best value of a curve and the first epoch, counted from 1, that reached it; None twice if it has none."""

    epoch: int | None
    value: float | None


class Result(TypedDict):
    """A run up to the epochs that were requested.

    `curve` holds the metric after each epoch, None where it is no number. `segment` is the last one read.
    """

    status: str
    epochs: int
    best: Best
    curve: list[float | None]
    run: str
    segment: str


def gather(plan: dict[str, Any], store: Path, requested: list[RequestedRun]) -> dict[str, Result]:
    """The results of the runs that a step requested, by their key.

    Args:
        plan: plan.json; its runs carry `key`, `run`, `epochs` and `segments`.
        store: the folder of segments.
        requested: of the step before.

    Only segments up to the requested epochs are read, so that a run which was extended since then yields the same.

    Raises:
        InputError: a run that is not in the plan, or a segment that is not in the store.
    """
    runs: dict[str, dict[str, Any]] = {}
    for run in plan["runs"]:
        if run.get("key") and run["epochs"] >= runs.get(run["key"], run)["epochs"]:
            runs[run["key"]] = run
    minimize = bool(plan["study"].get("minimize", False))
    metric = plan["study"]["metric"]
    dataset = parse_dataset(plan["dataset"])
    missing = [run["key"] for run in requested if run["key"] not in runs]
    if missing:
        raise InputError(f"plan.json holds no run for {', '.join(missing)}. Start Snakemake again: it makes the plan.")
    return {run["key"]: _read(runs[run["key"]], store, run["epochs"], metric, minimize, dataset) for run in requested}


def scored_cells(plan: dict[str, Any], store: Path) -> list[Candidate]:
    """The cells of a study without sweep, each with its mean score: the candidates of its first decision.

    A cell of which a run failed is none.
    """
    minimize = bool(plan["study"].get("minimize", False))
    dataset = parse_dataset(plan["dataset"])
    scores: dict[str, list[float | None]] = {}
    for run in plan["runs"]:
        if not run.get("key"):
            result = _read(run, store, run["epochs"], plan["study"]["metric"], minimize, dataset)
            failed = result["status"] in FAILED
            scores.setdefault(run["cell"], []).append(None if failed else result["best"]["value"])
    cells = {cell["cell"]: cell for cell in plan["cells"]}
    return [
        {"cell": cell, "set": cells[cell]["settings"], "score": sum(found) / len(found)}
        for cell, found in scores.items()
        if None not in found
    ]


def _read(run: dict[str, Any], store: Path, epochs: int, metric: str, minimize: bool, dataset: Dataset) -> Result:
    curve: list[float | None] = []
    status, trained, last = "finished", 0, ""
    for segment in run["segments"]:
        folder = store / segment
        record = read_json(folder / "segment.json", f"Train {segment} first.")
        status, last = record["status"], segment
        # A child of a run that ended copies the status and may have no rows.
        trained = max(trained, min(record["epochs"], record["last_epoch"]))
        curve = _extended(curve, folder, metric, dataset)
        if status != "finished" or record["last_epoch"] >= epochs:
            break
    curve = curve[:epochs]
    return {
        "status": status,
        "epochs": min(trained, epochs),
        "best": best_of(curve, minimize),
        "curve": curve,
        "run": run["run"],
        "segment": last,
    }


def _extended(curve: list[float | None], folder: Path, metric: str, dataset: Dataset) -> list[float | None]:
    if not (folder / "epochs.csv").is_file():
        return curve
    rows, counts = read_epochs(SegmentStore(folder.parent), folder.name)
    values = column(metric, rows, counts, dataset.task, class_table(dataset).names)
    curve = list(curve)
    for row, value in zip(rows, values, strict=True):
        epoch = int(float(row["epoch"]))
        curve += [None] * (epoch - len(curve))
        curve[epoch - 1] = value if math.isfinite(value) else None
    return curve


def best_of(curve: list[float | None], minimize: bool) -> Best:
    """The best value of a curve and the first epoch that reached it."""
    sign = -1 if minimize else 1
    known = [(epoch, value) for epoch, value in enumerate(curve, 1) if value is not None and math.isfinite(value)]
    if not known:
        return {"epoch": None, "value": None}
    epoch, value = max(known, key=lambda pair: (sign * pair[1], -pair[0]))
    return {"epoch": epoch, "value": value}
