"""F1 of boundaries, by hand."""

import numpy as np
import pytest
import torch

from segsweep import metrics
from segsweep.data.void import VOID
from segsweep.metrics import boundary_f1


def counted(predicted, ground_truth, classes=2):
    """Counts of one image, (C, 4)."""
    prediction = {"mask": np.array(predicted, np.uint8), "probability": np.zeros((classes, *np.shape(predicted)))}
    return boundary_f1.count([prediction], {"mask": torch.tensor(np.array([ground_truth]))})["boundaries"][0]


def stripe(edge, width=12, height=4):
    """Class 1 from column `edge` on."""
    return np.repeat((np.arange(width) >= edge).astype(np.int64)[None], height, axis=0)


@pytest.mark.parametrize(("shift", "near"), [(0, 4), (2, 4), (3, 0)])
def test_a_boundary_counts_within_two_pixels(shift, near):
    # Each class has a boundary of one column of four pixels.
    assert counted(stripe(4 + shift), stripe(4)).tolist() == [[4, near, 4, near]] * 2


def test_what_is_void_has_no_boundary():
    ground_truth = stripe(4)
    ground_truth[:, 4:] = VOID
    assert counted(stripe(4), ground_truth).tolist() == [[0, 0, 0, 0]] * 2


def test_precision_and_recall_make_the_score():
    # Foreground: 8 boundary pixels found, 4 of them right; all 4 that there are were found.
    counts = {"boundaries": np.array([[0, 0, 0, 0], [8, 4, 4, 4]])}
    assert boundary_f1.compute(counts, ["cell"])["boundary_f1"] == pytest.approx(2 / 3)
    assert boundary_f1.compute(counts, ["background", "cell"])["boundary_f1"] == pytest.approx(2 / 3)
    missed = {"boundaries": np.array([[4, 4, 4, 4], [0, 0, 4, 0]])}
    assert boundary_f1.compute(missed, ["background", "cell"])["boundary_f1"] == pytest.approx(0.5)
    assert np.isnan(boundary_f1.compute({"boundaries": np.zeros((2, 4), np.int64)}, ["a", "b"])["boundary_f1"])


def test_no_study_is_ranked_by_what_training_does_not_count():
    assert "boundary_f1" not in metrics.names("multiclass", ["a", "b"])
    assert "boundary_f1" not in metrics.score({"confusion": np.eye(2, dtype=np.int64)}, "multiclass", ["a", "b"])
    (problem,) = metrics.check([("study.yaml:3", "val/boundary_f1")], "multiclass", ["a", "b"])
    assert "no metric 'val/boundary_f1'" in problem
