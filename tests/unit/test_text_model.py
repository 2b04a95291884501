"""DBNet, its loss and its task."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from segsweep.config.train import Train
from segsweep.errors import InputError
from segsweep.losses.db import DbLoss, DbSettings, hard_negative_bce, masked_dice, masked_l1
from segsweep.models.dbnet import approximate_binary
from segsweep.tasks import build
from segsweep.text.targets import batch_targets

RGB = SimpleNamespace(channels=3, task="text")
SETTINGS = {"model": {"arch": "dbnet", "encoder": "resnet18", "options": {"channels": 32}}}
WORD = np.array([[10, 20], [50, 20], [50, 40], [10, 40]], np.float32)


def test_approximate_binary_by_hand():
    value = approximate_binary(torch.tensor([0.5, 0.6, 0.31]), torch.tensor([0.5, 0.5, 0.3]))
    expected = [0.5, 1 / (1 + np.exp(-5)), 1 / (1 + np.exp(-0.5))]
    np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_hard_negatives_are_counted():
    logits = torch.tensor([[[2.0, -1.0, 3.0, 0.0, -2.0, 9.0]]])
    target = torch.tensor([[[1.0, 0, 0, 0, 0, 0]]])
    mask = torch.tensor([[[1.0, 1, 1, 1, 1, 0]]])  # the worst one is in an ignored word
    each = F.binary_cross_entropy_with_logits(logits, target, reduction="none")[0, 0]
    two = hard_negative_bce(logits, target, mask, (1, 4), ratio=2)  # the positive, and the negatives of 3.0 and 0.0
    assert float(two) == pytest.approx(float(each[[0, 2, 3]].sum() / 3), rel=1e-4)
    all_of_them = hard_negative_bce(logits, target, mask, (1, 4), ratio=100)
    assert float(all_of_them) == pytest.approx(float(each[:5].sum() / 5), rel=1e-4)
    assert float(hard_negative_bce(logits, target * 0, mask, (0, 5), ratio=3)) == 0


def test_smoothed_labels_of_the_probability_map():
    logits = torch.tensor([[[2.0, -1.0, 3.0]]])
    target, mask = torch.tensor([[[1.0, 0, 0]]]), torch.ones(1, 1, 3)
    p = torch.sigmoid(logits[0, 0]).tolist()
    each = [-(y * np.log(q) + (1 - y) * np.log(1 - q)) for q, y in zip(p, [0.9, 0.1, 0.1], strict=True)]
    # The positive, and the worst one.
    value = hard_negative_bce(logits, target, mask, (1, 2), ratio=1, label_smoothing=0.2)
    assert float(value) == pytest.approx((each[0] + each[2]) / 2, rel=1e-5)


def test_dice_and_l1_by_hand():
    prediction = torch.tensor([[[0.5, 1.0, 0.5, 1.0]]])
    target = torch.tensor([[[1.0, 1.0, 0.0, 0.0]]])
    mask = torch.tensor([[[1.0, 1.0, 1.0, 0.0]]])
    assert float(masked_dice(prediction, target, mask)) == pytest.approx(1 - 2 * 1.5 / (2 + 2), rel=1e-5)
    assert float(masked_l1(prediction, target, mask)) == pytest.approx((0.5 + 0 + 0.5) / 3, rel=1e-5)
    assert float(masked_l1(prediction, target, mask * 0)) == 0


def batch(size: tuple[int, int] = (64, 64), **more) -> dict:
    loaded = {
        "image": torch.zeros(2, 3, *size),
        "polygons": [[WORD], []],
        "ignored": [np.array([False]), np.zeros(0, bool)],
        "name": ["a", "b"],
    } | more
    return loaded | batch_targets(loaded)


def test_loss_is_the_weighted_sum_and_ignored_words_give_no_gradient():
    loss = DbLoss(DbSettings(shrink=5, threshold=10, binary=1))
    maps = {name: torch.full((2, 1, 64, 64), 0.5) for name in ("threshold", "binary")}
    logits = torch.zeros(2, 1, 64, 64, requires_grad=True)
    losses = loss({"logits": logits, **maps}, batch())
    assert losses["loss"].item() == pytest.approx(sum(losses[n].item() for n in ("shrink", "threshold", "binary")))
    assert losses["shrink"].item() == pytest.approx(5 * np.log(2), rel=1e-4)  # every pixel of a blank map
    assert set(loss({"logits": logits}, batch())) == {"loss", "shrink"}
    one = batch(polygons=[[WORD, WORD + 200], []], ignored=[np.array([True, False]), np.zeros(0, bool)])
    loss({"logits": logits, **maps}, one)["loss"].backward()
    assert not logits.grad[0, 0, 25:35, 15:45].any()


def test_a_perfect_answer_costs_little():
    shrink, border = (batch()[name].float() for name in ("shrink", "border"))
    outputs = {"logits": (shrink * 2 - 1)[:, None] * 20, "threshold": border[:, None], "binary": shrink[:, None]}
    assert float(DbLoss(DbSettings())(outputs, batch())["loss"]) < 1e-3


def test_network_and_task():
    task = build(Train.model_validate(SETTINGS), RGB)
    torch.manual_seed(0)
    model = task.model()
    image = torch.rand(2, 3, 72, 96)  # not a multiple of 32
    outputs = model.train()(image)
    assert {name: tuple(value.shape) for name, value in outputs.items()} == dict.fromkeys(
        ("logits", "probability", "threshold", "binary"), (2, 1, 72, 96)
    )
    torch.testing.assert_close(outputs["probability"], torch.sigmoid(outputs["logits"]))
    losses = task.criterion()(outputs, batch((72, 96)))
    task.before_backward(losses, model)
    losses["loss"].backward()
    assert all(p.grad is not None for name, p in model.named_parameters() if "encoder" not in name)
    model.threshold_in_eval = False
    with torch.no_grad():
        assert set(model.eval()(image)) == {"logits", "probability"}


def test_task_scores_what_it_predicts():
    task = build(Train.model_validate(SETTINGS), RGB)
    shrink = batch()["shrink"].float()[:, None]
    counter = task.counter()
    counter.update({"probability": shrink}, batch())
    assert counter.totals()["words"].tolist() == [1, 1, 1]
    assert counter.images()["words"].tolist() == [[1, 1, 1], [0, 0, 0]]
    assert [len(found.polygons) for found in task.predict({"probability": shrink})] == [1, 0]
    padded = {"size": [(64, 30), (64, 64)]}  # the image ends within the word
    (quad,) = task.predict({"probability": shrink}, padded)[0].polygons
    assert quad[:, 0].max() <= 30


def test_wrong_settings_are_refused():
    with pytest.raises(InputError, match="choose dbnet"):
        build(Train(), RGB)
    wrong = {"model": {"arch": "dbnet", "options": {"channels": 30}}}
    with pytest.raises(InputError, match="multiple of 4, got 30"):
        build(Train.model_validate(wrong), RGB).model()
