"""What an ensemble is worth: members, ensemble and single model on pictures that none of them was trained on."""

from pathlib import Path
from typing import Any

from segsweep.inference.ensemble import Jury, count
from segsweep.inference.loaded_ensemble import (
    LoadedEnsemble,
    load_ensemble,
    members_of,
    pictures_of,
    record_of,
    single_of,
)

ON_VALIDATION = (
    "The data set has no test split that this is scored on: the members' folds were drawn within the training split, "
    "each leaves one out to choose its checkpoint by, and all are scored on the validation split. No model was trained "
    "on it, but the setting was chosen by it, for the ensemble and for the single model alike."
)
ON_TEST = (
    "All are scored on the test split: no training, no choice of a checkpoint and none of a setting looked at it. The "
    "members' folds pool training and validation pictures; the single model saw training pictures only."
)
FLATTERED = "The single model's checkpoint was chosen on this very split, the members' were not."
FEWER_PICTURES = "Each member was trained on fewer pictures than the single model, which had the whole training split."
USUAL = {"binary": "jaccard", "multiclass": "miou", "multitask": "miou", "text": "hmean"}


def score(plan: dict[str, Any], store: Path, *, device: str = "auto", threads: int = 1) -> dict[str, Any]:
    """Score the ensemble of a plan.

    Returns:
        split, method, min_votes, cell, setting, pictures (how many), metric (with its split), `rows` (the ensemble
        first, then the single model, then the members; each {"run", "method", "members", "fold", "own", "scores",
        "images"}, scores by name with their split, `own` the score that chose its checkpoint), `left_out` runs, `notes`
        in words. Without a usable member `rows` is empty.

    Raises:
        InputError: a checkpoint or the prepared data is missing.
    """
    wish, split = plan["study"]["ensemble"], plan["study"]["ensemble"]["score_on"]
    runs, left_out = members_of(plan, store)
    metric = f"{split}/{plan['study']['metric'].split('/')[-1]}"
    about = {"split": split, "method": wish["method"], "metric": metric, "rows": [], "pictures": 0}
    about |= {"left_out": [{"run": run["run"], "status": _status(run, store)} for run in left_out], "notes": []}
    if not runs:
        return about | {"notes": ["No member is trained to its end yet."]}
    cell = runs[0]["cell"]
    single, chosen_from = single_of(plan, store, cell, split)
    panel = load_ensemble(plan, runs + ([single] if single else []), store, device, threads)
    jury = Jury(panel.task, panel.prepared.task, len(runs), wish["method"], wish["min_votes"])
    refs = pictures_of(panel.prepared, split, panel.train, plan["smoke"])
    together, alone = _count(panel, jury, len(runs), refs)
    rows = [_row(together, split) | {"run": "ensemble", "method": wish["method"], "members": len(runs), "own": None}]
    if single:
        rows.append(_row(alone[-1], split) | _model(single, "single model", store))
    rows += [
        _row(scores, split) | _model(run, f"member {number}", store)
        for number, (run, scores) in enumerate(zip(runs, alone, strict=False), 1)
    ]
    if metric not in rows[0]["scores"]:  # a loss, say, which members that decide together have not
        about["metric"] = f"{split}/{USUAL[panel.prepared.task]}"
    setting = next(one for one in plan["cells"] if one["cell"] == cell)
    about |= {"min_votes": jury.votes, "cell": cell, "label": setting["label"], "pictures": len(together.images())}
    return about | {"rows": rows, "notes": _notes(split, single, chosen_from, left_out)}


def _count(panel: LoadedEnsemble, jury: Jury, members: int, refs: list) -> tuple[Any, list[Any]]:
    """Scores of the jury of the first `members` models, and of each model of the panel."""
    together, alone = panel.task.scores(panel.device), [panel.task.scores(panel.device) for _ in panel.runs]
    for batch, outputs in panel.batches(refs):
        for scores, one in zip(alone, outputs, strict=True):
            scores.update(one, batch)
        count(together, panel.prepared.task, jury.decide(outputs[:members], batch), batch)
    return together, alone


def _row(scores: Any, split: str) -> dict[str, Any]:
    return {
        "scores": {f"{split}/{name}": float(value) for name, value in scores.compute().items()},
        "images": scores.images(),
    }


def _model(run: dict[str, Any], method: str, store: Path) -> dict[str, Any]:
    own = (record_of(run, store) or {}).get("best") or {}
    return {"run": run["run"], "method": method, "members": 1, "fold": run["fold"], "own": own.get("value")}


def _status(run: dict[str, Any], store: Path) -> str:
    return (record_of(run, store) or {"status": "missing"})["status"]


def _notes(split: str, single: Any, chosen_from: int, left_out: list) -> list[str]:
    notes = [ON_TEST if split == "test" else ON_VALIDATION]
    if single is None:
        notes.append("There is no single model of this setting that was not trained on pictures of the split.")
    else:
        notes += [FLATTERED, FEWER_PICTURES] if split == "val" else []
        if chosen_from > 1:
            notes.append(f"The single model is the one with the best validation score of {chosen_from} of its setting.")
    if left_out:
        notes.append(f"Members left out, as they failed or are not trained: {', '.join(r['run'] for r in left_out)}.")
    return notes
