"""The model of a run at its best epoch, ready to look at images."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from segsweep import tasks
from segsweep.config.train import Train
from segsweep.data.loading import Batches, Normalize
from segsweep.data.prepared import Prepared
from segsweep.data.splits import Refs
from segsweep.errors import InputError
from segsweep.inference.forward import Forward, memory_format, to_device
from segsweep.planning.plan_file import PlannedRun, StudyPlan
from segsweep.store.best_epoch import best_of_run
from segsweep.store.checkpoints import read_checkpoint
from segsweep.store.segment_store import SegmentStore
from segsweep.typed_commands import typed


@dataclass
class TrainedModel:
    """A run's model with the weights of an epoch.

    Attributes:
        segment, epoch: whose weights they are.
        train, fold: of the run.
        task: see `segsweep.tasks.Task`.
        forward: images to outputs, as in training.
    """

    segment: str
    epoch: int
    train: Train
    fold: dict[str, Any] | None
    prepared: Prepared
    task: Any
    forward: Forward

    def batches(self, refs: Refs) -> Iterator[dict]:
        """Batches of images on the device, as validation in training makes them."""
        loader = Batches(refs, self.train.data, self.prepared, self.train.batch_size, seed=0, training=False)
        for batch in loader.epoch(1):
            yield to_device(batch, self.forward.device, memory_format(self.train))


def load_model(
    plan: StudyPlan,
    run: PlannedRun,
    store: SegmentStore,
    prepared: Prepared,
    device: torch.device | str = "cpu",
    postprocess: dict[str, Any] | None = None,
) -> TrainedModel:
    """The model of a run at its best epoch by the study's metric, or at its last one if no metric chose it.

    Args:
        plan: of the study.
        run: one of its runs.
        store: of all segments.
        prepared: the data, as the run's setting wants it.
        device: that it computes on.
        postprocess: in place of the setting's own.

    Raises:
        InputError: the run has no best epoch yet, or its weights are not in the store.
    """
    best = best_of_run(store, run.segments, *plan.selection_of(run), prepared.task, prepared.classes)
    if best is None:
        raise InputError(
            f"{store.root}: no weights of the run {run.run}. Train the study first, or fetch its segments."
        )
    weights = store.weights(best["segment"], best["epoch"])
    if not weights.is_file():
        raise InputError(
            f"{weights} is missing, the weights of the run {run.run} at its best epoch: `keep.weights` of a study, or "
            f"`{typed('clean-up')}`, let them go. Start `snakemake` without `partial=true`: what the best settings "
            f"lack trains, to the same bits. For another run remove the folder {store.folder(best['segment'])} before."
        )
    segment = plan.segments.get(best["segment"]) or store.record(best["segment"])
    settings = store.record(best["segment"]).as_trained(segment.train)
    settings |= {"postprocess": postprocess} if postprocess is not None else {}
    train, device = Train.model_validate(settings), torch.device(device)
    task = tasks.build(without_foreign_files(train), prepared)
    with torch.random.fork_rng(devices=[]):
        model = task.model().eval()
    model.load_state_dict(read_checkpoint(store.checked(weights))["model"])
    model.to(device, memory_format=memory_format(train))
    normalize = Normalize(train.data.preprocessing, prepared).to(device)
    forward = Forward(model, normalize, train, device)
    return TrainedModel(segment.id, best["epoch"], train, segment.fold, prepared, task, forward)


def without_foreign_files(train: Train) -> Train:
    """The setting without what need not be here any more: what its losses would count in the images of the training,
    and weights that its encoder began with."""
    model = train.model
    if getattr(model, "encoder_weights", None):
        model = model.model_copy(update={"encoder_weights": None})
    return train.model_copy(
        update={"model": model, "loss": train.loss.model_copy(update={"class_weights": None})},
    )
