"""Names of metrics and hyperparameters in reports."""

import pytest

from segsweep import registry
from segsweep.report.display_names import DisplayNames, axis, metric


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("val/miou", "validation mIoU"),
        ("test/hmean", "test H-mean"),
        ("val/iou/traffic_sign", "validation IoU of traffic sign"),
        ("train/loss", "training loss"),
        ("val/loss_seg", "validation segmentation loss"),
        ("cost/train_seconds", "training time"),
        ("val/something_new", "validation something new"),
        ("best_epoch", "best epoch"),
    ],
)
def test_metrics(column, words):
    assert metric(column) == words


def test_every_metric_is_named_by_its_component():
    for name, component in registry.classes("metric").items():
        assert metric(f"val/{name}") == f"validation {component.title}"


def test_hyperparameters():
    assert axis("optimizer.lr") == "learning rate"
    assert axis("optimizer.name") == "optimizer"
    assert axis("model.arch") == "architecture"
    assert axis("scheduler.warmup.iterations") == "warm-up iterations"
    assert axis("data.image_size") == "image size"
    assert axis("loss.main") == "main loss"
    assert axis("loss.det.box") == "box loss"
    assert axis("loss.main.bce_dice.bce_weight") == "BCE weight"
    assert axis("model.options.decoder_depth") == "decoder depth"


def test_names_that_read_alike_keep_their_keys():
    among = ["model.options.depth", "data.depth", "batch_size"]
    assert axis("data.depth", among) == "depth (data.depth)"
    assert axis("batch_size", among) == "batch size"


def test_a_study_gives_names_to_axes_metrics_and_levels():
    names = DisplayNames(
        {
            "optimizer.lr": "Learning rate (Adam)",
            "val/miou": "Mean IoU",
            "dice": "Dice loss",
            "loss.main": "Dice weight",
        },
        ["optimizer.lr", "batch_size"],
    )
    assert names.axis("optimizer.lr") == "learning rate (Adam)"  # as it stands within a sentence
    assert names.axis("loss.main") == "Dice weight"  # the loss is called so
    assert names.axis("batch_size") == "batch size"
    assert names.metric("val/miou") == "mean IoU"
    assert names.metric("val/loss") == "validation loss"
    assert names.level("dice") == "Dice loss"
    assert names.level('{"cross_entropy": 1.0, "dice": 1.0}') == "cross_entropy+dice"
    assert names.level("a_long_name_of_a_level", 8) == "a_long_…"
