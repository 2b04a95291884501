"""Intervals over images: what is drawn, and what a draw is worth."""

import numpy as np
import pytest

from segsweep.inference.resampled_images import interval

CLASSES = ["background", "thing"]


def confusions(hits):
    """Counts of images of 100 pixels, half of them of the thing, of which so many are found and nothing else."""
    return {"confusion": np.array([[[50, 0], [50 - hit, hit]] for hit in hits])}


def test_draws_of_images_are_scored_by_their_sums():
    hits = np.array([5, 40, 25, 30, 10, 45, 20])
    found = interval(confusions(hits), list(range(7)), "jaccard", "binary", CLASSES)
    rng = np.random.default_rng(1)
    ious = [hits[rng.integers(0, 7, 7)].sum() / 350 for _ in range(20_000)]
    assert found.units == 7
    assert (found.low, found.high) == pytest.approx(np.percentile(ious, [2.5, 97.5]), abs=0.02)
    assert found == interval(confusions(hits), list(range(7)), "jaccard", "binary", CLASSES)


def test_groups_are_drawn_as_a_whole():
    hits, groups = [10, 50] * 6, [i // 2 for i in range(12)]
    assert interval(confusions(hits), groups, "jaccard", "binary", CLASSES).low == pytest.approx(0.6)
    assert interval(confusions(hits), groups, "jaccard", "binary", CLASSES).high == pytest.approx(0.6)
    apart = interval(confusions(hits), list(range(12)), "jaccard", "binary", CLASSES)
    assert apart.low < 0.5 < 0.7 < apart.high


@pytest.mark.parametrize(("images", "name", "task"), [(4, "jaccard", "binary"), (9, "map50", "multitask")])
def test_where_nothing_can_be_said_of_other_images_there_is_no_interval(images, name, task):
    assert interval(confusions([10] * images), list(range(images)), name, task, CLASSES) is None


def test_draws_without_anything_to_score_are_left_out():
    counts = {"confusion": np.array([[[10, 0], [0, 0]]] * 5 + [[[0, 0], [10, 10]]])}
    found = interval(counts, list(range(6)), "jaccard", "binary", CLASSES)
    assert (found.low, found.high) == (0.5, 0.5)
