"""The segmentation task as the training loop meets it."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from segsweep import metrics, registry, tasks
from segsweep.config.components import TASKS
from segsweep.config.train import Train
from segsweep.errors import InputError
from segsweep.inference.evaluation import evaluate
from segsweep.inference.forward import Forward

VOID = 255


def prepared(task="multiclass", classes=("sky", "road", "car")):
    return SimpleNamespace(
        task=task,
        channels=3,
        classes=list(classes),
        pixel_counts=np.array([5, 1, 1])[: len(classes)],
        image_class_counts=np.array([[2, 1, 1], [3, 0, 0]])[:, : len(classes)],
    )


def binary():
    return prepared("binary", ("background", "cell"))


def train(**settings):
    return Train.model_validate({"loss": {"main": {"cross_entropy": 1.0}}} | settings)


def batch(mask, names=("a",)):
    return {"mask": torch.tensor(mask), "name": list(names)}


def test_each_task_that_a_data_set_may_have_has_its_component():
    assert set(registry.classes("task")) == set(TASKS)


def test_a_step_lowers_the_loss():
    torch.manual_seed(0)
    task = tasks.build(train(model={"arch": "unet", "options": {"decoder_channels": [16, 8, 8, 8, 8]}}), prepared())
    network, criterion = task.model(), task.criterion()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
    images = torch.rand(2, 3, 32, 32)
    data = batch(torch.randint(3, (2, 32, 32)).tolist(), ("a", "b"))
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        parts = criterion(network(images), data)
        task.before_backward(parts, network)
        parts["loss"].backward()
        optimizer.step()
        losses.append(parts["loss"].item())
    assert losses[2] < losses[0]


class Logits(nn.Module):
    """Half a probability everywhere."""

    def forward(self, images):
        return 0.0 * images[:, :1]


def test_validation_loss_of_an_image_without_foreground_is_that_of_the_loss():
    """Probability 0.5 at four pixels; the first image is half foreground, the second has none."""
    images = torch.zeros(2, 3, 2, 2, dtype=torch.uint8)
    loaded = {"image": images} | batch([[[1, 1], [0, 0]], [[0, 0], [0, 0]]], ("a", "b"))

    def validation_loss(**dice):
        settings = train(loss={"main": {"dice": dice}})
        task = tasks.build(settings, binary())
        forward = Forward(Logits(), nn.Identity(), settings, torch.device("cpu"))
        return evaluate(task, task.criterion(), [loaded], forward, micro_batch=2)[0]["loss"]

    # 2 TP + FP + FN is 4 of the first, 2 TP is 2; FP is 2 of the second.
    assert validation_loss() == pytest.approx((1 - 2 / 4 + 0) / 2)
    assert validation_loss(smooth=1.0) == pytest.approx((1 - 3 / 5 + 1 - 1 / 3) / 2)
    assert validation_loss(smooth=1.0, absent="skip") == pytest.approx((1 - 3 / 5 + 0) / 2)


def test_binary_scores_and_predictions():
    task = tasks.build(train(loss={"main": {"bce_dice": 1.0}}), binary())
    logits = torch.tensor([[[[2.0, -2.0, 2.0, 2.0]]], [[[-1.0, -1.0, -1.0, -1.0]]]])
    counter = task.counter()
    counter.update(logits, batch([[[1, 1, 0, VOID]], [[0, 0, 0, 0]]], ("a", "b")))
    scores = metrics.score(counter.totals(), "binary", binary().classes)
    assert scores["jaccard"] == pytest.approx(1 / 3)
    assert scores["accuracy"] == pytest.approx(5 / 7)
    first, second = metrics.image_rows(counter.images(), "binary", binary().classes)
    assert (first["image"], second["image"]) == ("a", "b")
    assert first["jaccard"] == pytest.approx(1 / 3)
    assert np.isnan(second["jaccard"])  # no foreground, none found
    assert second["accuracy"] == 1
    predicted = task.predict(logits)
    assert predicted[0]["mask"].tolist() == [[1, 0, 1, 1]]
    assert predicted[0]["mask"].dtype == np.uint8
    assert predicted[0]["probability"][0, 0, 1] == pytest.approx(1 / (1 + np.exp(2)))


def test_multiclass_scores_and_predictions():
    task = tasks.build(train(), prepared())
    logits = torch.tensor([[[[5.0, 0.0, 0.0]], [[0.0, 5.0, 5.0]], [[0.0, 0.0, 0.0]]]])  # sky, road, road
    counter = task.counter()
    counter.update({"main": logits, "aux": []}, batch([[[0, 1, 2]]]))
    computed = metrics.score(counter.totals(), "multiclass", prepared().classes)
    assert computed["iou/sky"] == 1
    assert computed["iou/road"] == 0.5
    assert computed["iou/car"] == 0
    assert computed["miou"] == 0.5
    assert metrics.image_rows(counter.images(), "multiclass", prepared().classes)[0]["pixel_accuracy"] == pytest.approx(
        2 / 3
    )
    assert task.predict(logits)[0]["mask"].tolist() == [[0, 1, 1]]
    assert task.predict(logits)[0]["probability"].sum(0) == pytest.approx(np.ones((1, 3)))


def test_class_weights_come_from_the_training_split():
    task = tasks.build(train(loss={"main": {"cross_entropy": 1.0}, "class_weights": "inverse_frequency"}), prepared())
    weight = task.criterion().combined.main.losses["cross_entropy"].weight
    assert weight.tolist() == pytest.approx([7 / 15, 7 / 3, 7 / 3])
    task = tasks.build(train(loss={"main": {"cross_entropy": 1.0}, "class_weights": "median_frequency"}), prepared())
    weight = task.criterion().combined.main.losses["cross_entropy"].weight
    assert weight.tolist() == pytest.approx([0.25 / (5 / 7), 1, 1])


def test_a_binary_task_weighs_background_and_foreground():
    task = tasks.build(train(loss={"main": {"cross_entropy": 1.0}, "class_weights": [1.0, 3.0]}), binary())
    value = task.criterion()(torch.zeros(1, 1, 1, 2) + 1.0, batch([[[0, 1]]]))["loss"]
    background, foreground = np.log1p(np.e), np.log1p(np.exp(-1))
    assert value.item() == pytest.approx((background + 3 * foreground) / 4, rel=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": {}}, r"loss\.main is not set.*cross_entropy"),
        ({"model": {"arch": "dbnet"}}, r"dbnet is for data sets of the task text.*multiclass"),
        (
            {"loss": {"main": {"bce": 1.0}}},
            r"loss\.main\.bce: for data sets of the task binary or multilabel.*is multiclass",
        ),
        ({"loss": {"main": {"focal": {"alpha": 0.25}}}}, r"focal\.alpha is for a binary output.*3 classes"),
        ({"loss": {"main": {"focal": 1.0}, "class_weights": [1.0]}}, r"class_weights: \[1\.0\] must be 3 numbers"),
    ],
)
def test_settings_that_do_not_fit_are_refused_before_training(settings, message):
    with pytest.raises(InputError, match=message):
        tasks.build(train(**settings), prepared())
