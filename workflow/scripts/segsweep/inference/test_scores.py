"""What the chosen models score on the test split.

test.json says what was scored and how, test.csv has the scores of each model, test_images.csv those of each image.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from segsweep import metrics
from segsweep.config.split_keys import TEST
from segsweep.data.prepared import Split
from segsweep.detection.drawn_images import MatchedBoxes
from segsweep.inference.chosen_models import ENSEMBLE, ChosenModels
from segsweep.inference.ensemble import Ensemble
from segsweep.inference.loaded_ensemble import best_value, check_labeled, images_of_split, is_usable, load_ensemble
from segsweep.inference.resampled_images import DRAWS, interval
from segsweep.inference.test_looks import Look
from segsweep.io import write_json
from segsweep.planning.plan_file import RETRAIN, PlannedRun, StudyPlan
from segsweep.store.segment_store import SegmentStore
from segsweep.tables import Column, Table
from segsweep.tasks.multitask import MultitaskCounter

SMOKE = "A smoke test: only some images of the split are scored."
OTHER_METRIC = "The study's metric, {metric}, is none that predictions alone have; {usual} stands in its place."
NOTHING = "No model is scored: none of those that were asked for is usable."
BY = "score_test"


class ScoresOnTest(Table):
    """A chosen model on the test split, or several that decide together; the best by validation first."""

    file = "test.csv"
    rules = ("score_test",)
    columns = (
        Column("cell", "text", "Key of its cell."),
        Column("run", "text", "Name of the run; `ensemble` of several that decide together."),
        Column("method", "text", "How they decide: `vote` or `mean`; `single model` of one alone."),
        Column("members", "integer", "Models that decide."),
        Column("trained_on", "text", "Splits that it was trained on: `train`, or `train+val`."),
        Column("epoch", "integer", "Epoch of its weights.", empty="several models decide"),
        Column("own", "number", "The validation score that chose its weights.",
               empty="several models decide, or it was trained on the validation split too"),
        Column("images", "integer", "Images that it was scored on."),
        Column("low", "number", "Lower end of the 95 % bootstrap interval of the metric's score, over images.",
               empty="there are fewer than five images or groups"),
        Column("high", "number", "Upper end.", empty="likewise"),
        Column("drawn", "integer", "Images that a draw of the bootstrap takes, or groups of images.",
               empty="likewise"),
        Column("<scores>", "number", "Score of the whole split (`test/miou`), the metric first.",
               empty="nothing is there to score"),
    )  # fmt: skip


class ImagesOnTest(Table):
    """A test image, scored for a chosen model."""

    file = "test_images.csv"
    rules = ("score_test",)
    columns = (
        Column("run", "text", "Name of the run, or `ensemble`."),
        Column("cell", "text", "Key of the cell."),
        Column("image", "text", "Name of the image."),
        Column("<scores>", "number", "The score of this image alone.", empty="nothing is there to score"),
    )


@dataclass
class ScoredModels:
    """What models score on the test split.

    Attributes:
        about: of, retrain, split, task, metric (`test/miou`), draws of the bootstrap, images, notes in words.
        rows: of test.csv; under "images" of each, rows of test_images.csv.
        look: what of the test split was seen; None without a usable model.
    """

    about: dict[str, Any]
    rows: list[dict[str, Any]]
    look: Look | None


def score(
    plan: StudyPlan, store: SegmentStore, chosen: ChosenModels, *, device: str = "auto", threads: int = 1
) -> ScoredModels:
    """Score models on the test split: those of an ensemble together, others one by one.

    Args:
        plan: of the study, with the key `test`.
        store: of all segments.
        chosen: the models.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        threads: of computations on a CPU.

    Raises:
        InputError: weights or the prepared data are missing, or the test split has no ground truth.
    """
    runs = [run for run in chosen.runs if is_usable(plan, run, store)]
    about = {"of": chosen.of, "retrain": plan.study["test"]["retrain"], "split": TEST, "task": plan.dataset["task"]}
    about |= {"metric": f"{TEST}/{plan.metric.partition('/')[2]}", "draws": DRAWS, "images": 0}
    left_out = [run.run for run in chosen.runs if run not in runs]
    if not runs:
        return ScoredModels(about | {"notes": [NOTHING, *_notes(plan, about["metric"], left_out)]}, [], None)
    together = [runs] if chosen.of == ENSEMBLE else [[run] for run in runs]
    rows = [_row(plan, store, one, chosen, device, threads) for one in together]
    first = rows[0]
    about |= {"metric": first["metric"], "images": first["images"], "notes": _notes(plan, first["metric"], left_out)}
    models = [run.segments[-1] for run in runs]
    look = Look(BY, chosen.of, [run.run for run in runs], models, first["metric"], first["decides"])
    return ScoredModels(about, rows, look)


def _row(
    plan: StudyPlan, store: SegmentStore, runs: list[PlannedRun], chosen: ChosenModels, device: str, threads: int
) -> dict[str, Any]:
    loaded = load_ensemble(plan, runs, store, device, threads)
    prepared, several = loaded.prepared, len(runs) > 1
    check_labeled(prepared, TEST)
    ensemble = Ensemble(loaded.task, prepared.task, len(runs), chosen.method, chosen.min_votes)
    counter = loaded.task.counter()
    for batch, outputs in loaded.batches(images_of_split(prepared, TEST, loaded.train, plan.smoke)):
        if several:
            counter.add(ensemble.decide(outputs, batch), batch)
        else:
            counter.update(outputs[0], batch)
    totals, images = counter.totals(), counter.images()
    scores = metrics.score(totals, prepared.task, prepared.classes)
    name = plan.metric.partition("/")[2]
    name = name if name in scores else metrics.usual(prepared.task)
    group_of = _groups(prepared.splits[TEST])
    groups = [group_of[image] for image in images["names"].tolist()]
    sums = {one: images[one] for one in totals if one in images}
    boxes = partial(MatchedBoxes.of, counter.boxes) if isinstance(counter, MultitaskCounter) else None
    spread = interval(sums, groups, name, prepared.task, prepared.classes, boxes)
    return {
        "cell": runs[0].cell,
        "run": ENSEMBLE if several else runs[0].run,
        "method": chosen.method if several else "single model",
        "decides": f"{chosen.method}, {ensemble.votes} votes needed" if several else "",
        "members": len(runs),
        "trained_on": trained_on(plan, runs),
        "epoch": None if several else loaded.models[0].epoch,
        "own": None if several or runs[0].role == RETRAIN else best_value(plan, runs[0], store),
        "task": prepared.task,
        "metric": f"{TEST}/{name}",
        "images": len(groups),
        "low": spread and spread.low,
        "high": spread and spread.high,
        "drawn": spread and spread.units,
        "scores": {f"{TEST}/{one}": float(value) for one, value in scores.items()},
        "of_images": metrics.image_rows(images, prepared.task, prepared.classes),
    }


def trained_on(plan: StudyPlan, runs: list[PlannedRun]) -> str:
    """The splits that models were trained on, or on folds of: `train`, or `train+val`."""
    folds = [plan.segments[run.segments[-1]].fold for run in runs]
    return next((fold["within"] for fold in folds if fold), "train")


def _groups(split: Split) -> dict[str, str]:
    """Of each image, whole pages where patches are cut, its group; itself where it has none."""
    found = {}
    for i, name in enumerate(split.names):
        page = split.page(i)
        image = page["page"] if page else name
        found[image] = split.group(i) or image
    return found


def _notes(plan: StudyPlan, metric: str, left_out: list[str]) -> list[str]:
    notes = [SMOKE] * plan.smoke
    if left_out:
        notes.append(f"Left out, because they failed: {', '.join(left_out)}.")
    if metric.partition("/")[2] != plan.metric.partition("/")[2]:
        notes.append(OTHER_METRIC.format(metric=plan.metric, usual=metric))
    return notes


def write(found: ScoredModels, folder: Path) -> None:
    """Write test.csv, test_images.csv and test.json into a study's folder."""
    names = dict.fromkeys(name for row in found.rows for name in row["scores"])
    ordered = sorted(names, key=lambda name: name != found.about["metric"])
    ScoresOnTest.write(folder, [row | row["scores"] for row in found.rows], scores=ordered)
    images = [{"run": row["run"], "cell": row["cell"]} | image for row in found.rows for image in row["of_images"]]
    scores = dict.fromkeys(name for image in images for name in image if name not in ("run", "cell", "image"))
    ImagesOnTest.write(folder, images, scores=scores)
    write_json(folder / "test.json", found.about)
