"""What an ensemble is worth: its members, the ensemble and the single model, scored on images that none was trained on.

ensemble.json holds all of it, ensemble.csv the scores, ensemble_images.csv those of each image.
"""

import math
from pathlib import Path
from typing import Any

from segsweep import metrics
from segsweep.inference.ensemble import Ensemble
from segsweep.inference.loaded_ensemble import (
    LoadedEnsemble,
    best_value,
    check_labeled,
    images_of_split,
    load_ensemble,
    members_of,
    record_of,
    single_of,
)
from segsweep.io import write_json
from segsweep.planning.plan_file import PlannedRun, StudyPlan
from segsweep.store.segment_store import SegmentStore
from segsweep.tables import Column, Table

ON_VALIDATION = (
    "The data set has no test split that this is scored on: the members' folds were drawn within the training split, "
    "each leaves one out to choose its checkpoint by, and all are scored on the validation split. No model was trained "
    "on it, but the setting was chosen by it, for the ensemble and for the single model alike."
)
ON_TEST = (
    "All are scored on the test split: no training, no choice of an epoch and none of a setting used it. The "
    "members' folds pool training and validation images; the single model saw training images only."
)
FLATTERED = "The single model's checkpoint was chosen on this very split, the members' were not."
FEWER_IMAGES = "Each member was trained on fewer images than the single model, which had the whole training split."


class EnsembleTable(Table):
    """Models that decide together, then the single model, then the members, on images that none was trained on."""

    file = "ensemble.csv"
    rules = ("score_ensemble",)
    columns = (
        Column("cell", "text", "Key of the cell that all of them are of."),
        Column("run", "text", "`ensemble`, or the name of the run."),
        Column("method", "text", "How they decide: `vote` or `mean`; `single model` or `member 1` of one model alone."),
        Column("members", "integer", "Models that decide."),
        Column("fold", "integer", "The fold that a member left out, from 0.", empty="it is no member"),
        Column("own", "number", "The score on its own validation images that chose its checkpoint.",
               empty="several models, or no epoch has a finite score"),
        Column("<scores>", "number", "Score of the whole split, named with the split (`test/miou`), the metric first.",
               empty="nothing is there to score"),
    )  # fmt: skip


class EnsembleImages(Table):
    """An image, scored for the ensemble, the single model or a member."""

    file = "ensemble_images.csv"
    rules = ("score_ensemble",)
    columns = (
        Column("run", "text", "`ensemble`, `single`, or the name of a member's run."),
        Column("cell", "text", "Key of the cell."),
        Column("image", "text", "Name of the image."),
        Column("<scores>", "number", "The score of this image alone.", empty="nothing is there to score"),
    )


def score(plan: StudyPlan, store: SegmentStore, *, device: str = "auto", threads: int = 1) -> dict[str, Any]:
    """Score the ensemble of a plan.

    Returns:
        split, method, min_votes, cell, setting, images (how many), metric (with its split), `rows` (the ensemble
        first, then the single model, then the members; each {"run", "method", "members", "fold", "own", "scores",
        "images"}, scores by name with their split, `own` the score that chose its checkpoint), `left_out` runs, `notes`
        in words. Without a usable member `rows` is empty.

    Raises:
        InputError: a checkpoint or the prepared data is missing.
    """
    wish, split = plan.study["ensemble"], plan.study["ensemble"]["score_on"]
    runs, left_out = members_of(plan, store)
    metric = f"{split}/{plan.metric.partition('/')[2]}"
    about = {"split": split, "method": wish["method"], "metric": metric, "rows": [], "images": 0}
    about |= {"left_out": [{"run": run.run, "status": _status(run, store)} for run in left_out], "notes": []}
    if not runs:
        return about | {"notes": ["No member is trained to its end yet."]}
    cell = runs[0].cell
    single, chosen_from = single_of(plan, store, cell, split)
    loaded = load_ensemble(plan, runs + ([single] if single else []), store, device, threads)
    check_labeled(loaded.prepared, split)
    ensemble = Ensemble(loaded.task, loaded.prepared.task, len(runs), wish["method"], wish["min_votes"])
    refs = images_of_split(loaded.prepared, split, loaded.train, plan.smoke)
    together, alone = _count(loaded, ensemble, len(runs), refs)
    prepared = loaded.prepared
    about_all = {"run": "ensemble", "method": wish["method"], "members": len(runs), "own": None}
    rows = [_row(together, split, prepared) | about_all]
    if single:
        rows.append(_row(alone[-1], split, prepared) | _model(plan, single, "single model", store))
    rows += [
        _row(counter, split, prepared) | _model(plan, run, f"member {number}", store)
        for number, (run, counter) in enumerate(zip(runs, alone, strict=False), 1)
    ]
    if metric not in rows[0]["scores"]:  # a loss, say, which members that decide together have not
        about["metric"] = f"{split}/{metrics.usual(prepared.task)}"
    setting = next(one for one in plan.cells if one.cell == cell)
    about |= {"min_votes": ensemble.votes, "cell": cell, "label": setting.label, "images": len(rows[0]["images"])}
    return about | {"rows": rows, "notes": _notes(split, single, chosen_from, left_out)}


def _count(loaded: LoadedEnsemble, ensemble: Ensemble, members: int, refs: list) -> tuple[Any, list[Any]]:
    """Counts of the ensemble of the first `members` models, and of each model that is loaded."""
    together, alone = loaded.task.counter(), [loaded.task.counter() for _ in loaded.runs]
    for batch, outputs in loaded.batches(refs):
        for counter, one in zip(alone, outputs, strict=True):
            counter.update(one, batch)
        together.add(ensemble.decide(outputs[:members], batch), batch)
    return together, alone


def _row(counter: Any, split: str, prepared: Any) -> dict[str, Any]:
    scores = metrics.score(counter.totals(), prepared.task, prepared.classes)
    return {
        "scores": {f"{split}/{name}": float(value) for name, value in scores.items()},
        "images": metrics.image_rows(counter.images(), prepared.task, prepared.classes),
    }


def _model(plan: StudyPlan, run: PlannedRun, method: str, store: SegmentStore) -> dict[str, Any]:
    own = best_value(plan, run, store)
    return {"run": run.run, "method": method, "members": 1, "fold": run.fold, "own": own}


def _status(run: PlannedRun, store: SegmentStore) -> str:
    return record.status if (record := record_of(run, store)) else "missing"


def _notes(split: str, single: Any, chosen_from: int, left_out: list) -> list[str]:
    notes = [ON_TEST if split == "test" else ON_VALIDATION]
    if single is None:
        notes.append("There is no single model of this setting that was not trained on images of the split.")
    else:
        notes += [FLATTERED, FEWER_IMAGES] if split == "val" else []
        if chosen_from > 1:
            notes.append(f"The single model is the one with the best validation score of {chosen_from} of its setting.")
    if left_out:
        notes.append(f"Members left out, as they failed or are not trained: {', '.join(run.run for run in left_out)}.")
    return notes


def write(found: dict[str, Any], folder: Path) -> None:
    """Write what `score` found."""
    rows, cell = found["rows"], found.get("cell")
    names = list(rows[0]["scores"]) if rows else []
    ordered = sorted(names, key=lambda name: name != found["metric"])
    flat = [{"cell": cell} | row | row["scores"] for row in rows]
    EnsembleTable.write(folder, flat, scores=ordered)
    images = [
        {"run": _voice(row), "cell": cell} | image for row in rows for image in row["images"]
    ]  # fmt: skip
    scores = dict.fromkeys(name for image in images for name in image if name not in ("run", "cell", "image"))
    EnsembleImages.write(folder, images, scores=scores)
    write_json(folder / "ensemble.json", _finite(found))


def _voice(row: dict[str, Any]) -> str:
    return "single" if row["method"] == "single model" else row["run"]


def _finite(value: Any) -> Any:
    """The same with None for what is no number."""
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
