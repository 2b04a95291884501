"""The trained models of a study's ensemble, and the single model beside them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from segsweep.data.classes import class_names
from segsweep.data.prepared import Prepared
from segsweep.data.prepared_checks import open_checked
from segsweep.data.splits import Refs, choose_whole
from segsweep.errors import InputError
from segsweep.execution.cuda import torch_device
from segsweep.inference.pages import PageStitcher
from segsweep.inference.trained_model import TrainedModel, load_model
from segsweep.planning.plan_file import RETRAIN, PlannedRun, StudyPlan
from segsweep.statuses import FAILED
from segsweep.store.best_epoch import best_of_run
from segsweep.store.segment_record import SegmentRecord
from segsweep.store.segment_store import SegmentStore


@dataclass
class LoadedEnsemble:
    """Models of one setting on one prepared data set."""

    prepared: Prepared
    runs: list[PlannedRun]
    models: list[TrainedModel]

    @property
    def task(self) -> Any:
        """What all of them do."""
        return self.models[0].task

    @property
    def train(self) -> Any:
        """The setting that all of them share."""
        return self.models[0].train

    def batches(self, refs: Refs) -> Iterator[tuple[dict, list[Any]]]:
        """Batches of images as validation in training makes them, and the outputs of each model; pages are whole."""
        stitcher = PageStitcher()
        for batch in self.models[0].batches(refs):
            with torch.inference_mode():
                outputs = [model.forward(batch["image"]) for model in self.models]
                found = list(stitcher.add(outputs, batch))
            for whole, images in found:
                yield images, whole
        stitcher.close()


def load_ensemble(
    plan: StudyPlan, runs: list[PlannedRun], store: SegmentStore, device: str = "auto", threads: int = 1
) -> LoadedEnsemble:
    """Load the best epochs of runs of one cell.

    Raises:
        InputError: weights or the prepared data are missing.
    """
    torch.set_num_threads(threads)
    prepared = open_checked(plan.segments[runs[0].segments[-1]].data, class_names(plan.dataset))
    models = [load_model(plan, run, store, prepared, torch_device(device)) for run in runs]
    return LoadedEnsemble(prepared, runs, models)


def members_of(plan: StudyPlan, store: SegmentStore) -> tuple[list[PlannedRun], list[PlannedRun]]:
    """The runs of a plan's ensemble that can decide, and those that can't: failed ones, and ones not trained yet."""
    usable, left_out = [], []
    for run in plan.runs:
        if run.role == "ensemble":
            (usable if is_usable(plan, run, store) else left_out).append(run)
    return usable, left_out


def is_usable(plan: StudyPlan, run: PlannedRun, store: SegmentStore) -> bool:
    """Whether a run is trained to its end, did not fail, and has a best epoch."""
    record = record_of(run, store)
    return record is not None and record.status not in FAILED and best_value(plan, run, store) is not None


def single_of(plan: StudyPlan, store: SegmentStore, cell: str, split: str) -> tuple[PlannedRun | None, int]:
    """The run of a setting that one would take if there were no ensemble, and how many runs it was chosen from.

    It is the one with the best validation score; trained to its end, if any was. On the split `val`, runs of a
    cross-validation are none: they were trained on images of it.
    """
    sign = -1 if plan.minimize else 1
    found = []
    for run in plan.runs:
        if run.cell != cell or run.role in ("ensemble", RETRAIN) or (split == "val" and run.fold is not None):
            continue
        if is_usable(plan, run, store):
            found.append((not run.pruned, sign * best_value(plan, run, store), run))
    if not found:
        return None, 0
    return max(found, key=lambda entry: entry[:2])[2], len(found)


def best_value(plan: StudyPlan, run: PlannedRun, store: SegmentStore) -> float | None:
    """A run's value of what chooses its epoch, which is the metric's in most; None before it has one."""
    task, classes = plan.dataset["task"], class_names(plan.dataset)
    best = best_of_run(store, run.segments, *plan.selection_of(run), task, classes)
    return best and best["value"]


def record_of(run: PlannedRun, store: SegmentStore) -> SegmentRecord | None:
    """Of a run's last segment that was trained; None before the whole run is."""
    records = store.records_of(run.segments)
    ended = records and (len(records) == len(run.segments) or records[-1].status != "finished")
    return records[-1] if ended else None


def check_labeled(prepared: Prepared, split: str) -> None:
    """Refuse to score what cannot be scored.

    Raises:
        InputError: no image of the split has ground truth.
    """
    if not prepared.splits[split].labeled:
        raise InputError(
            f"{prepared.folder}: the split {split!r} has no ground truth, so that nothing can be scored on it. "
            "predict_test.py writes what is predicted of it as a file to hand in; `val` can be scored."
        )


def images_of_split(prepared: Prepared, split: str, train: Any, smoke: bool) -> Refs:
    """The images that models are scored on: of `val` those of training; of `test` all, but in a smoke test."""
    subset = train.data.val_subset if split == "val" or smoke else None
    return [(split, i) for i in choose_whole(prepared, split, subset, train.data.subset_seed)]
