"""Every loss there is: micro-batches make the gradient of the whole batch, whatever way it takes."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from segsweep.config.losses import Terms
from segsweep.config.train import Train
from segsweep.inference.forward import micro_batches
from segsweep.tasks import segmentation
from segsweep.training.gradients import accumulate_gradients, is_mean_over_pixels
from tests.fakes import CLASSES, FakeBatches, Floats, Tiny

BATCH = next(FakeBatches(7, 7).epoch(1))
PIXELS = np.array([100, 50, 10])
SEVERAL = SimpleNamespace(
    task="multiclass", classes=["a", "b", "c"], pixel_counts=PIXELS, image_class_counts=PIXELS[None]
)
ONE = SimpleNamespace(task="binary", classes=["a", "b"], pixel_counts=PIXELS[:2], image_class_counts=PIXELS[None, :2])


class Heads(Tiny):
    """The main logits and an auxiliary head's."""

    def __init__(self, logits: int):
        super().__init__("group", 0.0)
        self.logits = logits

    def forward(self, image):
        logits = super().forward(image)
        return {"main": logits[:, : self.logits], "aux": [logits[:, : self.logits] * 0.5]}


def gradients(loss: dict, prepared, parts):
    train = Train.model_validate({"loss": loss})
    task = segmentation.build(train, prepared)
    torch.manual_seed(0)
    model, normalize = Heads(task.logits), Floats()
    criterion = task.criterion()

    def forward(images):
        return model(normalize(images))

    if len(parts) == 1:
        losses = criterion(forward(parts[0]["image"]), parts[0])
        losses["loss"].backward()
    else:
        losses = accumulate_gradients(task, model, criterion, parts, forward, train.loss)
    losses = {name: value.detach() for name, value in losses.items()}
    return [p.grad for p in model.parameters()], losses


BINARY_ONLY = ("bce", "bce_dice")  # pos_weight replaces class weights
CASES = [(name, None) for name in Terms.model_fields]
CASES += [(name, "inverse_frequency") for name in Terms.model_fields if name not in BINARY_ONLY]


@pytest.mark.parametrize(("name", "weights"), CASES)
def test_parts_make_the_whole(name, weights):
    binary_only = name in BINARY_ONLY
    loss = {
        "main": {name: 1.0, **({} if binary_only else {"cross_entropy": 0.5})},
        "aux_weight": 0.4,
        "class_weights": weights,
    }
    batch = BATCH | ({"mask": BATCH["mask"].where(BATCH["mask"] != CLASSES - 1, 0)} if binary_only else {})
    prepared = ONE if binary_only else SEVERAL
    assert_parts_make_the_whole(loss, prepared, batch)


@pytest.mark.parametrize(
    ("terms", "weights"),
    [
        ({"cross_entropy": {"label_smoothing": 0.1}}, None),
        ({"cross_entropy": {"label_smoothing": 0.1}}, "inverse_frequency"),
        ({"ohem_cross_entropy": {"label_smoothing": 0.1}}, "inverse_frequency"),
        ({"dice": {"smooth": 1.0}}, None),
        ({"tversky": {"smooth": 1.0, "gamma": 0.75}}, None),
        ({"bce": {"label_smoothing": 0.1}}, None),
        ({"bce_dice": {"dice_smooth": 1.0, "label_smoothing": 0.1}}, None),
    ],
)
def test_parts_make_the_whole_with_smoothing(terms, weights):
    binary_only = next(iter(terms)) in BINARY_ONLY
    # A class that only the first part has, and void pixels, so that parts differ in what they have.
    mask = BATCH["mask"].where(BATCH["mask"] != CLASSES - 1, 0).clone()
    mask[:2, :2], mask[0, 3] = 1 if binary_only else 2, 255
    batch = BATCH | {"mask": mask}
    loss = {"main": terms, "aux_weight": 0.4, "class_weights": weights}
    assert_parts_make_the_whole(loss, ONE if binary_only else SEVERAL, batch)


def assert_parts_make_the_whole(loss, prepared, batch):
    whole, expected = gradients(loss, prepared, [batch])
    parts, losses = gradients(loss, prepared, micro_batches(batch, 3))
    torch.testing.assert_close(parts, whole, rtol=2e-4, atol=2e-6)
    torch.testing.assert_close(losses, expected, rtol=1e-4, atol=1e-6)


def test_only_plain_means_over_pixels_are_added_up():
    def adds_up(**loss):
        return is_mean_over_pixels(Train.model_validate({"loss": loss}).loss)

    assert adds_up(main={"cross_entropy": 1.0, "focal": 1.0})
    assert not adds_up(main={"cross_entropy": 1.0}, aux={"dice": 1.0})
    assert not adds_up(main={"cross_entropy": 1.0}, class_weights=[1.0, 2.0])
    assert not adds_up(main={"ohem_cross_entropy": 1.0})
