"""Counts and scores of a trained run on a split: another split than in training, another post-processing, or metrics
that need the predictions themselves."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from segsweep import metrics, registry
from segsweep.config.dataset_keys import BY_LABEL
from segsweep.data.classes import class_names
from segsweep.data.loading import Batches
from segsweep.data.prepared_checks import open_checked
from segsweep.data.splits import Refs, images_of_run
from segsweep.errors import InputError
from segsweep.execution.cuda import torch_device
from segsweep.inference.batch_means import BatchMeans
from segsweep.inference.evaluation import evaluate
from segsweep.inference.forward import memory_format
from segsweep.inference.loaded_ensemble import check_labeled, images_of_split
from segsweep.inference.trained_model import TrainedModel, load_model
from segsweep.io import write_json
from segsweep.planning.plan_file import StudyPlan
from segsweep.store.checkpoints import write_arrays
from segsweep.store.segment_store import SegmentStore


@dataclass
class Evaluation:
    """A run on a split.

    Attributes:
        about: run, split, segment and epoch of the weights, task, post-processing, number of images.
        scores: of the split, `test/miou`; nan where there is nothing to score.
        images: scores of each image, {"image": name, "miou": ...}.
        counts: of the split, by name.
        image_counts: "names", and counts with a leading axis of images.
    """

    about: dict[str, Any]
    scores: dict[str, float]
    images: list[dict[str, Any]]
    counts: dict[str, np.ndarray]
    image_counts: dict[str, np.ndarray]


def evaluate_run(
    plan: StudyPlan,
    run: str,
    store: SegmentStore,
    split: str,
    *,
    postprocess: dict[str, Any] | None = None,
    device: str = "auto",
    threads: int = 1,
) -> Evaluation:
    """Evaluate a run at its best epoch.

    On `val` it is evaluated on the images on which it was validated in training, in the same batches: with the same
    post-processing the counts are those of training, to the bit on the same machine.

    Args:
        plan: of the study.
        run: name of the run.
        store: of all segments.
        split: `val` or `test`, or another one of the data set.
        postprocess: keys of `train.postprocess` that are laid over the run's own.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        threads: of computations on a CPU.

    Raises:
        InputError: no such run or split, a wrong key of `postprocess`, the weights are not there, or segsweep did not
            train the run.
    """
    plan.check_builds_networks()
    torch.set_num_threads(threads)
    planned = plan.run_named(run)
    segment = plan.segments[planned.segments[-1]]
    prepared = open_checked(segment.data, class_names(plan.dataset))
    own = segment.train["postprocess"] | (postprocess or {})
    trained = load_model(plan, planned, store, prepared, torch_device(device), own)
    refs = _images(trained, split, plan.smoke)
    loader = Batches(refs, trained.train.data, prepared, trained.train.batch_size, seed=segment.seed, training=False)
    micro_batch = store.record(trained.segment).micro_batch or trained.train.batch_size
    order = memory_format(trained.train)
    of_task = metrics.metrics_of(prepared.task)
    further = [registry.load(metric).count for metric in of_task.values() if metric.own_counts]
    tally = Tally(trained.task, prepared.task in BY_LABEL, list(dict.fromkeys(further)))  # metrics may share counts
    of_batches = [name for name, metric in of_task.items() if metric.of_batches]
    batch_means = BatchMeans(of_batches, prepared.task, prepared.classes)
    means, _ = evaluate(
        tally, None, loader.epoch(1), trained.forward, micro_batch=micro_batch, order=order, batch_means=batch_means
    )
    counts, image_counts = tally.totals(), tally.images()
    scores = metrics.score(counts, prepared.task, prepared.classes) | means
    about = {
        "run": run,
        "split": split,
        "segment": trained.segment,
        "epoch": trained.epoch,
        "task": prepared.task,
        "postprocess": trained.train.postprocess.model_dump(mode="json"),
        "images": len(image_counts["names"]),
    }
    return Evaluation(
        about,
        {f"{split}/{name}": float(value) for name, value in scores.items()},
        metrics.image_rows(image_counts, prepared.task, prepared.classes),
        counts,
        image_counts,
    )


class Tally:
    """A task whose counter counts what further metrics ask of the predictions as well (see `segsweep.metrics`)."""

    def __init__(self, task: Any, by_label: bool, further: list[Callable[[list, dict], dict[str, np.ndarray]]]):
        """`by_label`: whether masks hold labels as bits. `further`: the functions `count` of metrics."""
        self.task, self.by_label, self.further = task, by_label, further
        self.counts = task.counter()
        self.own: dict[str, dict[str, np.ndarray]] = defaultdict(dict)

    def counter(self) -> "Tally":
        """Itself: it counts one split."""
        return self

    def update(self, outputs: Any, batch: dict) -> None:
        """Count a batch."""
        self.counts.update(outputs, batch)
        if self.further:
            predictions = self.task.predict(outputs, batch)
            for count in self.further:
                for array, values in count(predictions, batch | {"by_label": self.by_label}).items():
                    self.own[array] |= zip(batch["name"], values, strict=True)

    def totals(self) -> dict[str, np.ndarray]:
        """Counts of all images together, by name."""
        own = {array: sum(images.values()) for array, images in self.own.items()}
        return self.counts.totals() | own

    def images(self) -> dict[str, np.ndarray]:
        """ "names", and counts with a leading axis of images."""
        found = self.counts.images()
        names = found["names"].tolist()
        own = {array: np.stack([images[name] for name in names]) for array, images in self.own.items()}
        return found | own


def write(evaluation: Evaluation, path: Path) -> None:
    """Write `path`, a JSON file of scores, and beside it an npz file of counts: `split/<name>` and `images/<name>`."""
    arrays = {f"split/{name}": values for name, values in evaluation.counts.items()}
    arrays |= {f"images/{name}": values for name, values in evaluation.image_counts.items()}
    write_arrays(path.with_suffix(".npz"), arrays)
    rows = [_finite(row) for row in evaluation.images]
    write_json(path, evaluation.about | {"scores": _finite(evaluation.scores), "of_images": rows})


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """Values with None for what is no number."""
    return {name: None if isinstance(value, float) and np.isnan(value) else value for name, value in values.items()}


def _images(trained: TrainedModel, split: str, smoke: bool) -> Refs:
    if split not in trained.prepared.splits:
        known = ", ".join(trained.prepared.splits)
        raise InputError(f"{trained.prepared.folder}: there is no split {split!r}. Take one of {known}.")
    check_labeled(trained.prepared, split)
    if split == "val":
        return images_of_run(trained.prepared, trained.train.data, trained.fold)[1]
    return images_of_split(trained.prepared, split, trained.train, smoke)
