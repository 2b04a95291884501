"""Tests that within an epoch nothing waits for a GPU but a look at the loss and the copies of what was counted.

Run by tests/unit/test_host_syncs.py, in a process of its own.
"""

from types import SimpleNamespace

import numpy as np
import pytest

from segsweep import device_copies, tasks
from segsweep.config.losses import Terms
from segsweep.config.train import Train
from segsweep.store.segment_store import SegmentStore
from segsweep.training.dataloaders import DataLoaders, open_dataloaders
from segsweep.training.loop import evaluate_epoch, train_epoch
from segsweep.training.session import set_up
from tests.fakes import FakeBatches, Floats, Tiny, segment_plan
from tests.far_device import FarDevice
from tests.unit.test_training_real import segment

# A look at the loss at the first step and one at the end, and the means of the losses; training has below 25 steps.
TRAINING = 3
# The losses; the counts of masks. Boxes are copied as three arrays. Maps of text are copied while the next batch is
# computed, so that only the losses wait.
EVALUATION = 2
BOXES = 3
TEXT = 1
SGD = {"name": "sgd", "momentum": 0.0}
ENCODER = {"encoder": "tu-lcnet_035"}


class Logits(Tiny):
    """So many outputs a pixel."""

    def __init__(self, logits: int):
        super().__init__()
        self.logits = logits

    def forward(self, image):
        return {"main": super().forward(image)[:, : self.logits], "aux": [super().forward(image)[:, : self.logits]]}


class WithTargets:
    """Batches as a loader makes them for a task."""

    def __init__(self, batches, targets, last):
        self.batches, self.targets, self.last = batches, targets, last

    def __len__(self):
        return len(self.batches)

    def epoch(self, number, start=0):
        for batch in self.batches.epoch(number, start):
            batch["mask"][batch["mask"] == 2] = self.last
            yield batch | (self.targets(batch) if self.targets else {})


def of_masks(task: str, settings: dict):
    """Opens noise for a task of masks, with a tiny network."""
    classes = 2 if task == "binary" else 3
    pixels = np.array([100, 50, 10])[:classes]
    prepared = SimpleNamespace(
        task=task,
        classes=["a", "b", "c"][:classes],
        channels=3,
        pixel_counts=pixels,
        image_class_counts=pixels[None],
        image_scored_pixels=pixels.sum(keepdims=True),
    )

    def open_loaders(segment, train, device):
        made = tasks.build(train, prepared)
        made.model = lambda: Logits(1 if task == "binary" else 3)
        noise = FakeBatches(10, 4), FakeBatches(6, 4, training=False)
        loaders = [WithTargets(batches, made.targets(), last=classes - 1) for batches in noise]
        return DataLoaders(made, task, prepared.classes, *loaders, Floats())

    return segment_plan(settings, last=1), open_loaders


def waits_of(folder, segment, open_loaders=open_dataloaders, arrivals=None) -> tuple[int, int]:
    """How often the training and the evaluation of an epoch waited; `arrivals` is filled with those of the device."""
    train = Train.model_validate(segment.train)
    found = []
    with FarDevice() as far, pytest.MonkeyPatch.context() as patched:
        patched.setattr(device_copies, "started", far.started)
        session = set_up(
            segment, train, SegmentStore(folder), far.device, open_loaders(segment, train, far.device), {}, lambda: None
        )
        session.batches = lambda loader, epoch, start=0: map(far.pinned_batch, loader.epoch(epoch, start))
        for of_epoch in (train_epoch, evaluate_epoch):
            far.waits.clear()
            result = of_epoch(session)
            if of_epoch is evaluate_epoch:
                result[1].totals()
            print(of_epoch.__name__, dict(far.waits))  # to be read where a test fails
            found.append(far.waits.total())
        if arrivals is not None:
            arrivals += far.arrivals
    return tuple(found)


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_losses_of_masks(tmp_path, task):
    terms = {name: Terms.model_validate({name: 1.0}).active()[name] for name in Terms.model_fields}
    main = {name: 1.0 for name, term in terms.items() if task in term.tasks}
    assert len(main) >= 6
    assert waits_of(tmp_path, *of_masks(task, {"loss": {"main": main}, "optimizer": SGD})) == (TRAINING, EVALUATION)


def test_heads_and_class_weights(tmp_path):
    main = {"lovasz": {"per_image": True}, "focal": 1.0}
    loss = {"main": main, "aux_weight": 0.5, "class_weights": "inverse_frequency"}
    plan = of_masks("multiclass", {"loss": loss, "optimizer": SGD})
    assert waits_of(tmp_path, *plan) == (TRAINING, EVALUATION)


def test_clipping_averages_and_large_batches(tmp_path):
    settings = {"clip_norm": 1.0, "ema": {"decay": 0.9}, "accumulate": 2, "optimizer": {"name": "adamw"}}
    for main in ("cross_entropy", "dice"):
        plan = of_masks("multiclass", settings | {"loss": {"main": {main: 1.0}}})
        assert waits_of(tmp_path / main, *plan) == (TRAINING, EVALUATION)


def test_boxes(tmp_path):
    loss = {"seg": {"cross_entropy": 1.0}, "det": {"box": "ciou"}, "task_weights": "gradnorm"}
    settings = {"model": {"arch": "multitask", **ENCODER}, "loss": loss, "optimizer": SGD}
    plan = segment("demo_multitask", tmp_path, train=settings, last=1)
    assert waits_of(tmp_path, plan) == (TRAINING, EVALUATION + BOXES)


def test_text(tmp_path):
    settings = {"model": {"arch": "dbnet", **ENCODER}, "optimizer": SGD}
    plan, arrivals = segment("demo_text", tmp_path, train=settings | {"batch_size": 1}, last=1), []
    assert waits_of(tmp_path, plan, arrivals=arrivals) == (TRAINING, TEXT)
    assert arrivals == ["begun 0", "begun 1", "waited 0", "waited 1"]  # of two images: while the next one is computed
