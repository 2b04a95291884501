"""Network and task that segment and detect at once."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from segsweep import metrics, tasks
from segsweep.config.train import Train
from segsweep.errors import InputError
from segsweep.network_outputs import map_tensors

CLASSES = ["background", "cat", "dog"]
PREPARED = SimpleNamespace(task="multitask", classes=CLASSES, channels=3, pixel_counts=np.array([90, 6, 4]))
SMALL = {"det_channels": 16, "det_convs": 1}


def train(model=None, loss=None, **settings):
    return Train.model_validate(
        {
            "model": {"arch": "multitask", "options": SMALL} | (model or {}),
            "loss": {"seg": {"cross_entropy": 1.0}, "det": {}} | (loss or {}),
        }
        | settings
    )


def batch(height=64, width=64):
    generator = torch.Generator().manual_seed(0)
    return {
        "image": torch.randn(2, 3, height, width, generator=generator),
        "mask": torch.randint(0, 3, (2, height, width), generator=generator),
        "boxes": [torch.tensor([[4.0, 6, 30, 40], [20, 2, 48, 44]]), torch.zeros(0, 4)],
        "labels": [torch.tensor([0, 1]), torch.zeros(0, dtype=torch.int64)],
        "ignored": [np.array([False, False]), np.zeros(0, bool)],
        "name": ["with", "without"],
        "size": [(height, width)] * 2,
    }


def built(settings, seed=0):
    task = tasks.build(settings, PREPARED)
    torch.manual_seed(seed)
    return task, task.model(), task.criterion()


def scores_of(counter):
    return {name: float(value) for name, value in metrics.score(counter.totals(), "multitask", CLASSES).items()}


def rows_of(counter):
    return metrics.image_rows(counter.images(), "multitask", CLASSES)


@pytest.mark.parametrize("head", ["fcn", "unet", "fpn"])
def test_shapes_and_a_step_in_half_precision(head):
    task, model, criterion = built(train({"seg_head": head, "dropout": 0.3}, {"det": {"box": "ciou"}}))
    data = batch(50, 70)  # no multiples of 32
    with torch.autocast("cpu", torch.bfloat16):
        outputs = model(data["image"])
    assert outputs["main"].shape == (2, 3, 50, 70)
    cells = 8 * 12 + 4 * 6 + 2 * 3  # of 64 x 96 at strides 8, 16, 32
    shapes = {name: tuple(value.shape) for name, value in outputs["det"].items() if name != "levels"}
    assert shapes == {"logits": (2, cells, 2), "distances": (2, cells, 4), "centerness": (2, cells)}
    assert outputs["det"]["levels"] == [(8, 12, 8), (4, 6, 16), (2, 3, 32)]
    losses = criterion(outputs, data)
    task.before_backward(losses, model)
    losses["loss"].backward()
    assert all(value.isfinite() for value in losses.values())
    missing = [name for name, weight in model.named_parameters() if weight.grad is None]
    assert not missing
    assert all(weight.grad.isfinite().all() for weight in model.parameters())


def test_settings_reach_every_part():
    settings = train({"activation": "gelu", "dropout": 0.25, "init": {"scheme": "normal", "encoder": True}})
    _, model, _ = built(settings)
    assert not any(isinstance(module, nn.ReLU) for module in model.modules())
    assert any(isinstance(module, nn.GELU) for module in model.detection.modules())
    dropped = [module for module in model.modules() if isinstance(module, nn.Dropout2d)]
    assert [module.p for module in dropped] == [0.25] * (3 + 2)  # three scores of FCN-8s; classes and boxes
    drawn = model.detection.class_tower[0].weight
    assert drawn.std().item() == pytest.approx(0.02, rel=0.1)
    model.eval()
    with torch.no_grad():
        first = model(batch()["image"])["det"]["logits"].sigmoid()
    assert first.mean().item() == pytest.approx(0.01, rel=0.5)  # classes start rare, whatever the weights


@pytest.mark.parametrize("weights", ["uncertainty", "gradnorm", {"seg": 0.5, "det": 2.0}])
def test_task_weights(weights):
    task, model, criterion = built(train(loss={"task_weights": weights}))
    data = batch()
    losses = criterion(model(data["image"]), data)
    assert losses["loss_det"].item() == pytest.approx(
        sum(losses[f"loss_det_{part}"].item() for part in ("cls", "box", "center"))
    )
    seg, det = losses["loss_seg"].item(), losses["loss_det"].item()
    assert losses["loss"].item() == pytest.approx(0.5 * seg + 2 * det if isinstance(weights, dict) else seg + det)
    task.before_backward(losses, model)
    losses["loss"].backward()
    if weights == "uncertainty":
        assert criterion.weighing.log_variances.grad.tolist() == pytest.approx([0.5 - seg, 0.5 - det], rel=1e-4)
    else:
        assert not list(criterion.parameters())
    if weights == "gradnorm":
        # As by hand, from the gradients at the last convolution of the encoder.
        last = model.encoder.layer4[1].conv2.weight
        assert model.shared_weights()[0] is last
        again = criterion(model(data["image"]), data)
        norms = [
            torch.autograd.grad(again[f"loss_{name}"], last, retain_graph=True)[0].norm().item()
            for name in ("seg", "det")
        ]
        down = [1 - 0.025 * np.sign(norm - np.mean(norms)) * norm / np.mean(norms) for norm in norms]
        wanted = [2 * weight / sum(down) for weight in down]
        assert criterion.weighing.weights.tolist() == pytest.approx(wanted, abs=1e-4)


def test_scores_and_predictions():
    task, model, criterion = built(train(postprocess={"score_threshold": 0.01, "top_k": 7}))
    model.eval()
    data = batch()
    counter = task.counter()
    with torch.inference_mode():
        outputs = model(data["image"])
        counter.update(outputs, data)
        one = map_tensors(lambda tensor: tensor[:1], outputs)  # as evaluation takes an image out of a batch
        assert criterion(one, {name: value[:1] for name, value in data.items()})["loss_det"].isfinite()
    found = scores_of(counter)
    assert {"miou", "pixel_accuracy", "map", "map50", "ap/cat", "ap/dog", "iou/dog"} <= set(found)
    assert all(0 <= value <= 1 for value in found.values())
    rows = rows_of(counter)
    assert [row["image"] for row in rows] == ["with", "without"]
    assert {"miou", "map50", "box_f1"} <= set(rows[0])
    predictions = task.predict(outputs, data)
    assert len(predictions) == 2
    first = predictions[0]
    assert first["mask"].dtype == np.uint8
    assert first["mask"].shape == (64, 64)
    assert first["boxes"].shape == (7, 4)
    assert first["labels"].max() < 2
    assert (np.diff(first["scores"]) <= 0).all()
    assert (first["boxes"] >= 0).all()
    assert (first["boxes"] <= 64).all()


def test_what_is_right_scores_one():
    task, _, _ = built(train())
    data = batch()
    data["mask"][:, :, :] = 0
    data["mask"][0, 10:20] = 2
    main = nn.functional.one_hot(data["mask"], 3).movedim(-1, 1).float()
    cells = 64
    det = {
        "logits": torch.full((2, cells, 2), -20.0),
        "distances": torch.ones(2, cells, 4),
        "centerness": torch.full((2, cells), 20.0),
        "levels": [(8, 8, 8)],
    }
    for box, label, cell in zip(data["boxes"][0], data["labels"][0], (2 * 8 + 2, 3 * 8 + 4), strict=True):
        x, y = (cell % 8) * 8 + 4, cell // 8 * 8 + 4
        det["logits"][0, cell, label] = 5.0
        det["distances"][0, cell] = torch.tensor([x - box[0], y - box[1], box[2] - x, box[3] - y]) / 8
    counter = task.counter()
    counter.update({"main": main, "det": det}, data)
    found = scores_of(counter)
    assert [found[name] for name in ("miou", "pixel_accuracy", "map", "map50")] == pytest.approx([1, 1, 1, 1])
    assert rows_of(counter)[1]["box_f1"] == 1


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError) as caught:
        tasks.build(
            Train.model_validate({"loss": {"main": {"dice": 1.0}}}), PREPARED
        )  # fmt: skip
    text = str(caught.value)
    for words in ("train.model.arch: unet", "train.loss.seg is not set", "train.loss.main"):
        assert words in text
    assert len(caught.value.problems) == 3
    for options, words in (({"det_channels": 20}, "multiple of 8"), ({"channels": 8}, "has no option 'channels'")):
        task = tasks.build(train({"options": options}), PREPARED)
        with pytest.raises(InputError, match=words):
            task.model()


def test_it_learns_one_image_by_heart():
    task, model, criterion = built(train({"norm": "group"}))
    data = batch()
    data["image"].zero_()
    data["mask"].zero_()
    for box, label in zip(data["boxes"][0], data["labels"][0], strict=True):
        left, top, right, bottom = box.int().tolist()
        data["image"][0, label, top:bottom, left:right] = 2.0
        data["mask"][0, top:bottom, left:right] = label + 1
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(40):
        losses = criterion(model(data["image"]), data)
        optimizer.zero_grad()
        task.before_backward(losses, model)
        losses["loss"].backward()
        optimizer.step()
    counter = task.counter()
    with torch.no_grad():
        counter.update(model.eval()(data["image"]), data)
    found = scores_of(counter)
    assert found["map50"] > 0.9
    assert found["miou"] > 0.5
