"""Splits that are drawn: the images of a data set dealt out to training, validation and test."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from segsweep.config.dataset_keys import Dataset
from segsweep.config.split_keys import POOL
from segsweep.data.classes import ClassTable
from segsweep.data.label_masks import of_classes
from segsweep.data.raw_item import Item
from segsweep.data.sample import Sample
from segsweep.data.splits import dealt, strata_of
from segsweep.data.void import VOID
from segsweep.formatting import plural

FAR = 0.02  # share of all images by which a split may differ from what was asked for without a word


@dataclass
class _Pool:
    """As much of prepared data as strata are made of.

    Attributes:
        class_counts: int64 (N, C), pixels of each class in each image.
        labels_of, ignored_of: of each image.
    """

    task: str
    class_counts: np.ndarray
    labels_of: list[np.ndarray]
    ignored_of: list[np.ndarray]

    @property
    def splits(self) -> dict[str, Any]:
        return {POOL: self}

    def labels(self, i: int) -> np.ndarray:
        return self.labels_of[i]

    def ignored(self, i: int) -> np.ndarray:
        return self.ignored_of[i]


def deal_out(
    dataset: Dataset, table: ClassTable, items: list[Item], samples: Iterable[Sample | None]
) -> dict[str, list[Item]]:
    """Deal out all images of a data set, in their order, by `splits: {random: ...}`.

    Args:
        dataset: the data set.
        table: its classes.
        items: all of its items.
        samples: of each item; None of one that cannot be used, which belongs to no stratum.
    """
    shares = dataset.splits.random
    strata = _strata(dataset.task, table, samples) if shares.stratify else np.zeros((len(items), 0), bool)
    groups = [(position,) if item.group is None else item.group for position, item in enumerate(items)]
    rng = np.random.default_rng(shares.seed)
    part = dealt(range(len(items)), groups, strata, list(shares.by_split.values()), rng)
    return {
        split: [item for item, own in zip(items, part, strict=True) if own == number]
        for number, split in enumerate(shares.by_split)
    }


def _strata(task: str, table: ClassTable, samples: Iterable[Sample | None]) -> np.ndarray:
    """bool (N, L): which strata each image belongs to. Only counts are kept of the samples."""
    counts, labels, ignored, usable = [], [], [], []
    for sample in samples:
        usable.append(sample is not None)
        if sample is not None:
            counts.append(_class_counts(sample, table))
            labels.append(sample.labels)
            ignored.append(sample.ignored)
    if not counts:
        return np.zeros((len(usable), 0), bool)
    of_usable = strata_of(_Pool(task, np.stack(counts), labels, ignored), [(POOL, i) for i in range(len(counts))])
    strata = np.zeros((len(usable), of_usable.shape[1]), bool)
    strata[usable] = of_usable
    return strata


def _class_counts(sample: Sample, table: ClassTable) -> np.ndarray:
    """int64 (C,): pixels of each class."""
    if sample.mask is None:
        return np.zeros(len(table.names), np.int64)
    return of_classes(np.bincount(sample.mask.ravel(), minlength=VOID + 1), len(table.names), table.by_label)


def far_from_asked(dataset: Dataset, items: dict[str, list[Item]]) -> list[str]:
    """A warning for each drawn split whose share of the images is not as asked for, because groups are whole."""
    count = sum(map(len, items.values()))
    return [
        f"the split {split!r} has {plural(len(items[split]), 'image')}, {len(items[split]) / count:.0%} of all and not "
        f"{share:.0%}: groups of images are not divided"
        for split, share in dataset.splits.random.by_split.items()
        if abs(len(items[split]) / count - share) > FAR + 1 / count
    ]
