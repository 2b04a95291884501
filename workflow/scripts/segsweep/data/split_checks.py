"""Splits that nobody can train on or believe, and what is odd about them."""

from typing import Any

import numpy as np

from segsweep.config.dataset_keys import Dataset
from segsweep.config.train import Data
from segsweep.data.classes import ClassTable
from segsweep.data.raw_item import Item
from segsweep.data.split_writer import SplitWriter
from segsweep.formatting import plural

NEEDED = ("train", "val")


def check_splits(dataset: Dataset, items: dict[str, list[Item]]) -> list[str]:
    where = f"data set {dataset.name}"
    problems = [
        f"{where}: the split {split!r} is missing. Add it to `splits`." for split in NEEDED if split not in items
    ]
    problems += [
        f"{where}: the split {split!r} is empty. Its list ({dataset.splits.get(split, 'drawn')}) needs one name a line."
        for split, members in items.items()
        if not members
    ]
    first: dict[str, tuple[str, Item]] = {}
    for split, members in items.items():
        for item in members:
            other = first.setdefault(item.name, (split, item))
            if other[1] is item:
                continue
            reason = (
                "A name may stand once in a list"
                if other[0] == split
                else "What is scored must not be trained on as well"
            )
            problems.append(
                f"{item.location or split}: {item.name!r} is already in {other[0]} ({other[1].location}). {reason}; "
                "take it out of one."
            )
    return problems


def check_classes(dataset: Dataset, table: ClassTable, train: SplitWriter, objects: int) -> tuple[list[str], list[str]]:
    """Problems and warnings about classes that no training image shows."""
    where = f"data set {dataset.name}"
    if dataset.task == "text":
        problem = f"{where}: no training image holds a word that counts. Nothing can be learnt; check the polygons."
        return ([] if objects else [problem]), []
    counts = np.sum(train.class_counts, axis=0)
    absent = [name for name, count in zip(table.names, counts, strict=True) if count == 0]
    kind, remedy = "class", "Take it out of `classes` (its value to `void`, if other splits hold it)"
    if table.by_label:
        kind, remedy = "label", "Take it out of `masks`, or out of `classes` and its channel out of the .npy files"
    found = [
        f"{where}: the {kind} {name!r} never occurs in the training split ({len(train.names)} images). "
        f"{remedy}, or add images that show it."
        for name in absent
    ]
    problems = found if table.must_occur else []
    warnings = [] if table.must_occur else [f"the class {name!r} never occurs in the training split" for name in absent]
    if dataset.task == "multitask" and not objects:
        problems.append(f"{where}: no training image has a box. Add them, or set task: multiclass.")
    return problems, warnings


def enlarged(splits: dict[str, dict[str, Any]], data: Data) -> list[str]:
    """A warning if pages are enlarged."""
    found = [scale for entry in splits.values() for scale in entry.get("enlarged", [])]
    if not found:
        return []
    return [
        f"patches.page_size {data.patches.page_size} enlarges {plural(len(found), 'page')}, up to {max(found):.1f} "
        "times; with `page_size: null` each page keeps its own scale"
    ]
