"""Subsets and folds: complete, without overlap, nested, balanced."""

from types import SimpleNamespace

import numpy as np
import pytest

from segsweep.data.splits import choose, folds
from segsweep.errors import InputError


class Split:
    """As much of a prepared split as subsets look at."""

    def __init__(self, class_counts, pages=None, ignored=None, labels=None, groups=None):
        self.class_counts, self._pages, self._ignored, self._labels = np.array(class_counts), pages, ignored, labels
        self._groups = groups

    def __len__(self):
        return len(self.class_counts)

    def page(self, i):
        return {"page": self._pages[i]} if self._pages else None

    def group(self, i):
        return self._groups[i] if self._groups else None

    def ignored(self, i):
        return np.array(self._ignored[i], bool)

    def labels(self, i):
        return np.array(self._labels[i], int)


def prepared(task="multiclass", **options):
    return SimpleNamespace(folder="data", task=task, splits={"train": Split(**options), "val": Split([[1, 1]] * 7)})


def test_subsets_are_drawn_by_seed_and_nested():
    data = prepared(class_counts=[[1, 1]] * 50)
    ten, twenty = choose(data, "train", 10, 3), choose(data, "train", 20, 3)
    assert (len(ten), ten == sorted(set(ten)), set(ten) <= set(twenty)) == (10, True, True)
    assert choose(data, "train", 10, 3) == ten != choose(data, "train", 10, 4)
    assert choose(data, "val", None, 0) == choose(data, "val", 7, 0) == choose(data, "val", 99, 0) == list(range(7))
    with pytest.raises(InputError, match=r"no split 'test'; there are train, val"):
        choose(data, "test", None, 0)


def check_partition(found, count):
    assert sorted(ref for _, validation in found for ref in validation) == [("train", i) for i in range(count)]
    for training, validation in found:
        assert sorted(training + validation) == [("train", i) for i in range(count)]


def test_a_rare_class_is_spread_over_the_folds():
    rng = np.random.default_rng(0)
    counts = np.ones((40, 3), int)
    counts[:, 2] = 0
    counts[rng.permutation(40)[:5], 2] = 9
    found = folds(prepared(class_counts=counts), 5, 0)
    check_partition(found, 40)
    for _, validation in found:
        assert len(validation) == 8
        assert sum(counts[i, 2] > 0 for _, i in validation) == 1
    assert folds(prepared(class_counts=counts), 5, 0) == found != folds(prepared(class_counts=counts), 5, 1)


def test_binary_folds_share_out_images_by_foreground():
    counts = [[100 - i, i] for i in range(30)]
    for _, validation in folds(prepared("binary", class_counts=counts), 3, 0):
        thirds = np.bincount([i // 10 for _, i in validation], minlength=3)
        assert thirds.max() - thirds.min() <= 1


def test_text_folds_share_out_images_by_readable_words():
    ignored = [[True] * 5 if i % 4 == 0 else [False] * (i % 4) for i in range(24)]  # none, 1, 2 and 3 readable words
    for _, validation in folds(prepared("text", class_counts=[[0]] * 24, ignored=ignored), 3, 0):
        assert sum(i % 4 == 0 for _, i in validation) == 2
        assert sum(i % 4 == 3 for _, i in validation) == 2


def test_multitask_folds_look_at_boxes_as_well():
    labels = [[1] if i in (3, 8) else [] for i in range(10)]
    found = folds(prepared("multitask", class_counts=[[5, 1, 0]] * 10, labels=labels), 2, 0)
    assert [sum(i in (3, 8) for _, i in validation) for _, validation in found] == [1, 1]


def test_patches_of_a_page_stay_together_and_subsets_are_kept_to():
    pages = [f"p{i // 4}" for i in range(24)]
    found = folds(prepared(class_counts=[[1, 1]] * 24, pages=pages), 3, 0)
    check_partition(found, 24)
    for training, validation in found:
        assert not {pages[i] for _, i in training} & {pages[i] for _, i in validation}
    some = folds(prepared(class_counts=[[1, 1]] * 24), 3, 0, subset=[1, 5, 9])
    assert sorted(i for _, validation in some for _, i in validation) == [1, 5, 9]


def test_more_folds_than_images():
    with pytest.raises(InputError, match=r"3 training images cannot be cut into 5 folds"):
        folds(prepared(class_counts=[[1, 1]] * 3), 5, 0)
