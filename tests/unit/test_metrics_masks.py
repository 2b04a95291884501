"""Scores of masks: by hand, and against scikit-learn and torchmetrics."""

import numpy as np
import pytest
import torch
from sklearn import metrics as sklearn
from torchmetrics.functional.classification import multiclass_jaccard_index

from segsweep.metrics.confusion import Confusion, confusion
from segsweep.metrics.scores import binary_scores, multiclass_scores

VOID = 255


def draw(classes, batch=4, size=(8, 9)):
    generator = torch.Generator().manual_seed(classes)
    truth = torch.randint(classes, (batch, *size), generator=generator)
    predicted = torch.where(
        torch.rand(truth.shape, generator=generator) < 0.6,
        truth,
        torch.randint(classes, truth.shape, generator=generator),
    )
    truth[torch.rand(truth.shape, generator=generator) < 0.1] = VOID
    return predicted, truth


def test_confusion_by_hand():
    truth = torch.tensor([[[0, 1, 1, VOID]], [[2, 2, 0, 0]]])
    predicted = torch.tensor([[[0, 1, 2, 1]], [[2, 0, 0, 0]]])
    assert confusion(predicted, truth, 3).tolist() == [
        [[1, 0, 0], [0, 1, 1], [0, 0, 0]],
        [[2, 0, 0], [0, 0, 0], [1, 0, 1]],
    ]


def test_confusion_of_void_alone_is_empty():
    assert not confusion(torch.zeros(2, 3, 3, dtype=torch.int64), torch.full((2, 3, 3), VOID), 4).any()


def test_confusion_is_scikit_learns():
    predicted, truth = draw(5)
    valid = truth != VOID
    expected = sklearn.confusion_matrix(truth[valid], predicted[valid], labels=range(5))
    assert np.array_equal(confusion(predicted, truth, 5).sum(0), expected)


def test_binary_scores_are_scikit_learns():
    predicted, truth = draw(2)
    valid = truth != VOID
    t, p = truth[valid], predicted[valid]
    scores = {k: v.item() for k, v in binary_scores(confusion(predicted, truth, 2).sum(0)).items()}
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
    predicted, truth = draw(5)
    valid = truth != VOID
    t, p = truth[valid], predicted[valid]
    names = ["a", "b", "c", "d", "e"]
    scores = {k: v.item() for k, v in multiclass_scores(confusion(predicted, truth, 5).sum(0), names).items()}
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
    theirs = multiclass_jaccard_index(predicted, truth, 5, ignore_index=VOID)
    assert scores["miou"] == pytest.approx(theirs.item(), rel=1e-5)


def test_a_class_that_never_occurs_has_no_score_and_one_only_predicted_has_0():
    """Class 0: 2 right of a union of 3. Class 1: predicted once, never true. Class 2 is nowhere."""
    counts = torch.tensor([[2, 1, 0], [0, 0, 0], [0, 0, 0]])
    scores = multiclass_scores(counts, ["x", "y", "z"])
    assert scores["iou/x"].item() == pytest.approx(2 / 3)
    assert scores["iou/y"].item() == 0
    assert scores["iou/z"].isnan()
    assert scores["miou"].item() == pytest.approx((2 / 3 + 0) / 2)
    assert scores["mean_accuracy"].item() == pytest.approx(2 / 3)  # of classes in the truth


def test_zero_over_zero():
    nothing = binary_scores(torch.tensor([[9, 0], [0, 0]]))
    assert all(nothing[name].isnan() for name in ("jaccard", "dice", "precision", "recall"))
    assert nothing["accuracy"] == nothing["miou"] == 1
    missed = binary_scores(torch.tensor([[6, 0], [3, 0]]))
    assert [missed[name].item() for name in ("jaccard", "dice", "precision", "recall")] == [0, 0, 0, 0]
    invented = binary_scores(torch.tensor([[6, 3], [0, 0]]))
    assert [invented[name].item() for name in ("jaccard", "dice", "precision", "recall")] == [0, 0, 0, 0]
    void = binary_scores(torch.zeros(2, 2, dtype=torch.int64))
    assert all(value.isnan() for value in void.values())


def test_counts_are_summed_over_the_split_and_per_picture():
    predicted, truth = draw(3, batch=5)
    whole = Confusion(3)
    whole.update(predicted[:2], truth[:2], ["a", "b"])
    whole.update(predicted[2:], truth[2:], ["c", "b", "d"])
    assert torch.equal(whole.total(), confusion(predicted, truth, 3).sum(0))
    names, counts = whole.by_name()
    assert names == ["a", "b", "c", "d"]
    parts = confusion(predicted, truth, 3)
    assert torch.equal(counts[1], parts[1] + parts[3])  # patches of one page
    assert torch.equal(multiclass_scores(counts)["miou"][2], multiclass_scores(parts[2])["miou"])


def test_nothing_counted():
    empty = Confusion(2)
    assert binary_scores(empty.total())["jaccard"].isnan()
    assert empty.by_name()[0] == []
