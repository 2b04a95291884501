"""Intervals over images: what is drawn, and what a draw is worth."""

import numpy as np
import pytest
import torch

from segsweep import metrics
from segsweep.detection.counts import BoxCounter
from segsweep.detection.drawn_images import MatchedBoxes
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


def boxes_of(rng, count):
    """Random corners within 100 pixels."""
    corners = rng.uniform(0, 60, (count, 2))
    return torch.tensor(
        np.concatenate([corners, corners + rng.uniform(20, 40, (count, 2))], axis=1), dtype=torch.float32
    )


def images_with_boxes(count, classes, rng):
    """What is found in images, and their ground truth: boxes, labels and which are to be ignored. The third image has
    none, the fourth no ground truth."""
    found, true = [], []
    for i in range(count):
        truths = boxes_of(rng, 0 if i in (2, 3) else rng.integers(1, 6))
        near = truths + torch.tensor(rng.normal(0, 2, truths.shape), dtype=torch.float32)
        boxes = torch.cat([near, near[:1], boxes_of(rng, 0 if i == 2 else 4)])
        labels = torch.tensor(rng.integers(0, classes, len(truths)))
        guesses = torch.cat([labels, labels[:1], torch.tensor(rng.integers(0, classes, 4 * (i != 2)))])
        found.append({"boxes": boxes, "labels": guesses, "scores": torch.tensor(rng.random(len(boxes)))})
        true.append((truths, labels, torch.tensor(rng.random(len(truths)) < 0.25)))
    return found, true


def counted(found, true, drawn, classes):
    """A counter of images that were drawn, each by a name of its own."""
    counter = BoxCounter(classes)
    boxes, labels, ignored = (list(each) for each in zip(*(true[i] for i in drawn), strict=True))
    names = [str(number) for number in range(len(drawn))]
    counter.add([found[i] for i in drawn], {"boxes": boxes, "labels": labels, "name": names}, ignored)
    return counter


def test_precisions_of_a_draw_are_those_that_coco_gives_its_images():
    rng, classes = np.random.default_rng(0), 3
    found, true = images_with_boxes(7, classes, rng)
    matched = MatchedBoxes.of(counted(found, true, range(7), classes))
    draws = [list(range(7)), *rng.integers(0, 7, (6, 7)).tolist(), [2] * 7]
    times = np.array([np.bincount(drawn, minlength=7) for drawn in draws])
    tables = matched.precision(times)
    for drawn, table in zip(draws, tables, strict=True):
        np.testing.assert_allclose(table, counted(found, true, drawn, classes).totals()["precision"], atol=1e-12)


@pytest.mark.parametrize("name", ["map", "map50", "ap/cat"])
def test_average_precisions_have_an_interval_over_images(name):
    rng, classes = np.random.default_rng(3), ["background", "cat", "dog"]
    found, true = images_with_boxes(12, 2, rng)
    counter = counted(found, true, range(12), 2)
    matched = MatchedBoxes.of(counter)
    spread, pairs = (
        interval({}, groups, name, "multitask", classes, lambda: matched)
        for groups in (list(range(12)), [i // 2 for i in range(12)])
    )
    score = metrics.score(counter.totals(), "multitask", classes, only=[name])[name]
    assert 0 < spread.low < score < spread.high < 1
    assert (spread.units, pairs.units) == (12, 6)
