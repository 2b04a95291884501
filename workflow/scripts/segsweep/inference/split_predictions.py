"""A study's predictions for the test split, by its ensemble or its best run, as a file to submit."""

from pathlib import Path
from typing import Any

from segsweep.config.dataset import parse_dataset
from segsweep.config.dataset_keys import BY_LABEL, Dataset
from segsweep.config.split_keys import POOL
from segsweep.data.classes import class_table
from segsweep.data.image_files import geo_tags, image_size
from segsweep.data.image_files.image_file import Reading
from segsweep.data.prepared import Prepared
from segsweep.data.readers import read
from segsweep.inference import submission
from segsweep.inference.chosen_models import BEST, ENSEMBLE, ChosenModels, choose_models
from segsweep.inference.ensemble import Ensemble
from segsweep.inference.loaded_ensemble import images_of_split, load_ensemble, members_of
from segsweep.io import write_json
from segsweep.planning.plan_file import PlannedRun, StudyPlan
from segsweep.store.segment_store import SegmentStore

NO_TEST = "The data set has no test split: these are predictions of the validation split."
SMOKE = "A smoke test: only some images of the split are predicted."
SEEN = "The model was trained on images of this split, as folds pool them: its predictions look better than they are."


def predict_test(
    plan: StudyPlan, store: SegmentStore, ranking: Path, output: Path, *, device: str = "auto", threads: int = 1
) -> dict[str, Any]:
    """Write the submission of a study, and beside it a JSON file that says what is in it.

    Returns:
        split, labeled (whether it has ground truth), images, task, models (their runs), method, notes.

    Raises:
        InputError: no model is trained, the data set's files are not there, or segsweep did not train the models.
    """
    chosen = _models(plan, store, ranking)
    runs = chosen.runs
    loaded = load_ensemble(plan, runs, store, device, threads)
    prepared = loaded.prepared
    split = "test" if "test" in prepared.splits else "val"
    ensemble = Ensemble(loaded.task, prepared.task, len(runs), chosen.method, chosen.min_votes)
    predictions: dict[str, Any] = {}
    sizes: dict[str, tuple[int, int]] = {}
    whole = [(split, i) for i in range(len(prepared.splits[split]))]
    refs = images_of_split(prepared, split, loaded.train, True) if plan.smoke else whole
    for batch, outputs in loaded.batches(refs):
        # The task's own form, not the ensemble's, where there is one model: a single vote changes nothing.
        found = ensemble.decide(outputs, batch) if len(runs) > 1 else loaded.task.predict(outputs[0], batch)
        predictions |= {
            name: without_padding(one, size)
            for name, one, size in zip(batch["name"], found, batch["size"], strict=True)
        }
        sizes |= zip(batch["name"], batch["size"], strict=True)
    dataset = parse_dataset(plan.dataset)
    root = Path(plan.prepared[str(prepared.folder)]["root"])
    own, tags = _originals(dataset, root, split)
    order = {name: position for position, name in enumerate(own)}
    shapes = {name: (sizes[name], own[name]) for name in sorted(predictions, key=order.__getitem__)}
    _write(output, dataset, prepared, split, {name: predictions[name] for name in shapes}, shapes, tags)
    about = {
        "split": split,
        "labeled": prepared.splits[split].labeled,
        "images": len(predictions),
        "task": prepared.task,
        "models": [run.run for run in runs],
        "method": chosen.method if len(runs) > 1 else "single model",
        "notes": [NO_TEST] * (split != "test") + [SEEN] * is_pooled(plan, runs, split) + [SMOKE] * plan.smoke,
    }
    write_json(output.with_suffix(".json"), about)
    return about


def is_pooled(plan: StudyPlan, runs: list[PlannedRun], split: str) -> bool:
    """Whether a model was trained on images of the split: on a fold that pools it with the training images."""
    folds = [plan.segments[run.segments[-1]].fold for run in runs]
    return split == "val" and any(fold and fold["within"] == "train+val" for fold in folds)


def without_padding(prediction: Any, size: tuple[int, int]) -> Any:
    """A prediction cut to the size of its image, and without its probabilities: those of a whole split, in all classes,
    would not fit into memory."""
    if not isinstance(prediction, dict):
        return prediction
    height, width = size
    kept = {name: value for name, value in prediction.items() if name != "probability"}
    return kept | {"mask": prediction["mask"][:height, :width]}


def _models(plan: StudyPlan, store: SegmentStore, ranking: Path) -> ChosenModels:
    """The ensemble's members if it has any, else the best run of the ranking."""
    members, _ = members_of(plan, store)
    return choose_models(plan, store, ranking, ENSEMBLE if members else BEST)


def _write(
    path: Path,
    dataset: Dataset,
    prepared: Prepared,
    split: str,
    found: dict[str, Any],
    shapes: dict[str, tuple[submission.Shape, submission.Shape]],
    tags: dict[str, submission.Tags],
) -> None:
    """Write in the task's format. `shapes`: of each image as it was prepared, and its own; `tags` of GeoTIFF."""
    if dataset.task == "text":
        submission.write_text(path, found, shapes)
        return
    if dataset.task in BY_LABEL:
        masks = {name: one["mask"] for name, one in found.items()}
        submission.write_labels(path, masks, shapes, prepared.classes, tags)
        return
    table = class_table(dataset)
    if dataset.task == "multitask":
        submission.write_voc(path, found, shapes, submission.class_numbers(table), prepared.classes, split)
    else:
        masks = {name: one["mask"] for name, one in found.items()}
        submission.write_masks(path, masks, shapes, submission.values_of(table), tags)


def _originals(
    dataset: Dataset, root: Path, split: str
) -> tuple[dict[str, submission.Shape], dict[str, submission.Tags]]:
    """Height and width, and GeoTIFF tags, of each image as it is in the data set's own files, in its order."""
    items, sizes, tags, reading = read(dataset, root), {}, {}, Reading.of(dataset)
    for item in items[POOL if POOL in items else split]:
        image = item.image() if callable(item.image) else item.image
        if isinstance(image, Path | bytes):
            sizes[item.name], tags[item.name] = image_size(image, reading), geo_tags(image, reading)
        else:
            sizes[item.name] = image.shape[:2]
    return sizes, tags
