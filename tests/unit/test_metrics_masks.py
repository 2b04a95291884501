"""Scores of masks: by hand, and against scikit-learn and torchmetrics."""

import numpy as np
import pytest
import torch
from sklearn import metrics as sklearn
from torchmetrics.functional.classification import multiclass_jaccard_index

from segsweep import metrics
from segsweep.data.void import VOID
from segsweep.metrics.class_scores import ordered_sum
from segsweep.tasks.confusion import MaskCounter, confusion


def draw(classes, batch=4, size=(8, 9)):
    generator = torch.Generator().manual_seed(classes)
    ground_truth = torch.randint(classes, (batch, *size), generator=generator)
    predicted = torch.where(
        torch.rand(ground_truth.shape, generator=generator) < 0.6,
        ground_truth,
        torch.randint(classes, ground_truth.shape, generator=generator),
    )
    ground_truth[torch.rand(ground_truth.shape, generator=generator) < 0.1] = VOID
    return predicted, ground_truth


def binary_scores(counts, **options):
    return metrics.score({"confusion": np.asarray(counts)}, "binary", ["background", "cell"], **options)


def multiclass_scores(counts, classes=None, **options):
    counts = np.asarray(counts)
    return metrics.score(
        {"confusion": counts}, "multiclass", classes or list("abcdefgh")[: counts.shape[-1]], **options
    )


def test_confusion_by_hand():
    ground_truth = torch.tensor([[[0, 1, 1, VOID]], [[2, 2, 0, 0]]])
    predicted = torch.tensor([[[0, 1, 2, 1]], [[2, 0, 0, 0]]])
    assert confusion(predicted, ground_truth, 3).tolist() == [
        [[1, 0, 0], [0, 1, 1], [0, 0, 0]],
        [[2, 0, 0], [0, 0, 0], [1, 0, 1]],
    ]


def test_confusion_of_void_alone_is_empty():
    assert not confusion(torch.zeros(2, 3, 3, dtype=torch.int64), torch.full((2, 3, 3), VOID), 4).any()


def test_confusion_is_scikit_learns():
    predicted, ground_truth = draw(5)
    valid = ground_truth != VOID
    expected = sklearn.confusion_matrix(ground_truth[valid], predicted[valid], labels=range(5))
    assert np.array_equal(confusion(predicted, ground_truth, 5).sum(0), expected)


def test_binary_scores_are_scikit_learns():
    predicted, ground_truth = draw(2)
    valid = ground_truth != VOID
    t, p = ground_truth[valid], predicted[valid]
    scores = {k: v.item() for k, v in binary_scores(confusion(predicted, ground_truth, 2).sum(0)).items()}
    assert scores == pytest.approx(
        {
            "jaccard": sklearn.jaccard_score(t, p),
            "dice": sklearn.f1_score(t, p),
            "precision": sklearn.precision_score(t, p),
            "recall": sklearn.recall_score(t, p),
            "accuracy": sklearn.accuracy_score(t, p),
            "miou": sklearn.jaccard_score(t, p, average="macro"),
        }
    )


def test_multiclass_scores_are_scikit_learns_and_torchmetrics():
    predicted, ground_truth = draw(5)
    valid = ground_truth != VOID
    t, p = ground_truth[valid], predicted[valid]
    names = ["a", "b", "c", "d", "e"]
    scores = {k: v.item() for k, v in multiclass_scores(confusion(predicted, ground_truth, 5).sum(0), names).items()}
    each = sklearn.jaccard_score(t, p, average=None)
    assert scores == pytest.approx(
        {
            "miou": sklearn.jaccard_score(t, p, average="macro"),
            "dice": sklearn.f1_score(t, p, average="macro"),
            "pixel_accuracy": sklearn.accuracy_score(t, p),
            "mean_accuracy": sklearn.balanced_accuracy_score(t, p),
            **{f"iou/{name}": value for name, value in zip(names, each, strict=True)},
        }
    )
    theirs = multiclass_jaccard_index(predicted, ground_truth, 5, ignore_index=VOID)
    assert scores["miou"] == pytest.approx(theirs.item(), rel=1e-5)


def test_a_class_that_never_occurs_has_no_score_and_one_only_predicted_has_0():
    """Class 0: 2 right of a union of 3. Class 1: predicted once, never true. Class 2 is nowhere."""
    scores = multiclass_scores([[2, 1, 0], [0, 0, 0], [0, 0, 0]], ["x", "y", "z"])
    assert scores["iou/x"] == pytest.approx(2 / 3)
    assert scores["iou/y"] == 0
    assert np.isnan(scores["iou/z"])
    assert scores["miou"] == pytest.approx((2 / 3 + 0) / 2)
    assert scores["mean_accuracy"] == pytest.approx(2 / 3)  # of classes in the ground truth


def test_zero_over_zero():
    nothing = binary_scores([[9, 0], [0, 0]])
    assert all(np.isnan(nothing[name]) for name in ("jaccard", "dice", "precision", "recall"))
    assert nothing["accuracy"] == nothing["miou"] == 1
    missed = binary_scores([[6, 0], [3, 0]])
    assert [missed[name] for name in ("jaccard", "dice", "precision", "recall")] == [0, 0, 0, 0]
    invented = binary_scores([[6, 3], [0, 0]])
    assert [invented[name] for name in ("jaccard", "dice", "precision", "recall")] == [0, 0, 0, 0]
    void = binary_scores(np.zeros((2, 2), np.int64))
    assert all(np.isnan(value) for value in void.values())


def test_two_classes_are_not_foreground_and_background():
    counts = [[6, 2], [1, 3]]
    assert binary_scores(counts)["dice"] == pytest.approx(6 / 9)
    assert multiclass_scores(counts)["dice"] == pytest.approx((6 / 9 + 12 / 15) / 2)


def test_one_function_serves_split_epochs_and_images():
    predicted, ground_truth = draw(3, batch=5)
    counter = MaskCounter(3)
    for first, last, names in ((0, 2, ["a", "b"]), (2, 5, ["c", "d", "e"])):
        counter.add(
            [{"mask": mask.numpy()} for mask in predicted[first:last]],
            {"mask": ground_truth[first:last], "name": names},
        )
    parts = confusion(predicted, ground_truth, 3).numpy()
    assert np.array_equal(counter.totals()["confusion"], parts.sum(0))
    images = counter.images()
    assert images["names"].tolist() == ["a", "b", "c", "d", "e"]
    assert np.array_equal(images["confusion"], parts)
    rows = metrics.image_rows(images, "multiclass", ["x", "y", "z"])
    assert [row["image"] for row in rows] == ["a", "b", "c", "d", "e"]
    assert rows[2]["miou"] == multiclass_scores(parts[2])["miou"]
    assert "iou/x" not in rows[2]
    epochs = multiclass_scores(parts)
    assert epochs["iou/b"].shape == (5,)
    assert epochs["dice"][4] == multiclass_scores(parts[4])["dice"]


def test_only_what_is_asked_for_is_computed():
    assert list(multiclass_scores([[1, 0], [0, 1]], ["x", "y"], only=["iou/y", "dice"])) == ["dice", "iou/y"]


def test_nothing_counted():
    empty = MaskCounter(2)
    assert np.isnan(binary_scores(empty.totals()["confusion"])["jaccard"])
    assert metrics.image_rows(empty.images(), "binary", ["x", "y"]) == []


@pytest.mark.parametrize("classes", [1, 2, 3, 4, 5, 8, 11, 19, 20, 21, 33, 64, 150, 256])
def test_sums_are_those_of_torch_to_the_bit(classes):
    """Scores of earlier trainings came from torch; those of the same counts must stay equal digit for digit."""
    values = np.random.default_rng(classes).random((50, classes))
    with torch.no_grad():
        assert ordered_sum(values) == pytest.approx(torch.from_numpy(values).sum(-1).numpy(), rel=1e-15)
    assert ordered_sum(values).tolist() == [in_torchs_order(row) for row in values.tolist()]


def in_torchs_order(values):
    """As ATen's SumKernel.cpp adds with four lanes, written as loops."""
    lanes, whole = [[0.0] * 4 for _ in range(4)], len(values) // 4
    for vector in range(whole // 4 * 4):
        for lane in range(4):
            lanes[vector % 4][lane] += values[4 * vector + lane]
    for vector in range(whole // 4 * 4, whole):
        for lane in range(4):
            lanes[0][lane] += values[4 * vector + lane]
    total = 0.0
    for value in values[4 * whole :]:
        total += value
    for lane in range(4):
        total += ((lanes[0][lane] + lanes[1][lane]) + lanes[2][lane]) + lanes[3][lane]
    return total


def test_metrics_of_each_task():
    assert metrics.names("binary", ["a", "b"]) == [
        *("jaccard", "accuracy", "dice", "miou", "precision", "recall", "soft_jaccard")
    ]
    masks = ["miou", "dice", "mean_accuracy", "pixel_accuracy"]
    assert metrics.names("multiclass", ["a", "b"]) == [*masks, "iou/a", "iou/b"]
    boxes = metrics.names("multitask", ["a", "b"])
    assert set(boxes) - set(metrics.names("multiclass", ["a", "b"])) == {"map", "map50", "ap/b"}
    assert metrics.names("text", ["text"]) == ["hmean", "precision", "recall"]
    assert [metrics.usual(task) for task in ("binary", "multitask", "text")] == ["jaccard", "miou", "hmean"]


def test_what_is_no_metric_is_refused_with_the_nearest():
    asked = [
        ("a.yaml:3", "val/miuo"),
        ("a.yaml:4", "val/iou/b"),
        ("a.yaml:5", "val/loss_dice"),
        ("a.yaml:6", "test/miou"),
    ]
    problems = metrics.check(asked, "multiclass", ["a", "b"])
    assert [problem.split(":")[1] for problem in problems] == ["3", "6"]
    assert "no metric 'val/miuo'. Did you mean 'val/miou'?" in problems[0]


def test_directions():
    assert metrics.is_minimized("val/loss")
    assert metrics.is_minimized("train/loss_dice")
    assert not metrics.is_minimized("val/miou")
    assert not metrics.is_minimized("val/iou/loss")
