"""What is kept of predictions that are submitted, and what is said of the model that made them."""

import numpy as np
import pytest

from segsweep.inference.split_predictions import is_pooled, without_padding
from segsweep.text.postprocess import Detections
from tests.segments import segment_plan, study_plan


def test_probabilities_of_a_whole_split_are_not_kept_nor_is_padding():
    found = {"mask": np.zeros((2, 2)), "probability": np.zeros((19, 2, 2)), "boxes": np.zeros((0, 4))}
    kept = without_padding(found, (2, 1))
    assert set(kept) == {"mask", "boxes"}
    assert kept["mask"].shape == (2, 1)
    text = Detections([], np.ones(0))
    assert without_padding(text, (2, 1)) is text


@pytest.mark.parametrize(
    ("within", "split", "seen"),
    [("train+val", "val", True), ("train+val", "test", False), ("train", "val", False), (None, "val", False)],
)
def test_a_model_that_saw_the_split_is_named_as_such(within, split, seen):
    fold = within and {"index": 0, "k": 2, "seed": 0, "within": within}
    plan = study_plan(segment_plan(fold=fold))
    assert is_pooled(plan, plan.runs, split) == seen
