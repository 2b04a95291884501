"""Splits that nobody can train on or believe, and what is odd about them."""

from pathlib import Path
from typing import Any

import numpy as np

from segsweep.config.dataset_keys import Dataset
from segsweep.config.split_keys import TRAIN, VAL, RandomSplits, TableSplits
from segsweep.config.train import Data
from segsweep.data.classes import ClassTable
from segsweep.data.raw_item import Item
from segsweep.data.split_writer import SplitWriter
from segsweep.formatting import plural

NEEDED = (TRAIN, VAL)


def check_splits(dataset: Dataset, items: dict[str, list[Item]]) -> list[str]:
    where = f"data set {dataset.name}"
    problems = [
        f"{where}: the split {split!r} is missing. {_added(dataset, split)}" for split in NEEDED if split not in items
    ]
    problems += [
        f"{where}: the split {split!r} is empty. {_filled(dataset, split, items)}"
        for split, members in items.items()
        if not members
    ]
    first: dict[tuple, tuple[str, Item]] = {}
    for split, members in items.items():
        for item in members:
            # In another split it may be another file, as in folders that each have a `0001`.
            keys = [(split, item.name), *([(item.image, item.name)] if isinstance(item.image, Path) else [])]
            others = [first.setdefault(key, (split, item)) for key in keys]
            other = next((one for one in others if one[1] is not item), None)
            if other is None:
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


def _added(dataset: Dataset, split: str) -> str:
    """How a split that is missing comes to be there."""
    if isinstance(dataset.splits, TableSplits):
        return _filled(dataset, split, {})
    return f"Add it to `splits` ({', '.join(dataset.splits) or 'empty'})."


def _filled(dataset: Dataset, split: str, items: dict[str, list[Item]]) -> str:
    """How an empty split gets images."""
    splits = dataset.splits
    if isinstance(splits, RandomSplits):
        members = [item for some in items.values() for item in some]
        groups = len({item.group for item in members if item.group is not None})
        of_groups = f" in {plural(groups, 'group')}" if groups else ""
        return (
            f"It was to be {splits.random.by_split[split]:.0%} of {plural(len(members), 'image')}{of_groups}. Raise "
            "its share in `splits`, or add images."
        )
    if isinstance(splits, TableSplits):
        return f"No row of {splits.table} is of it. Add rows, or say in `splits` what stands for it: `values`."
    return f"Its list ({splits[split] if isinstance(splits, dict) else split}) needs one name a line."


def check_groups(items: dict[str, list[Item]], unlabeled: set[str]) -> list[str]:
    """A problem for each group that lies in two splits. What a split without ground truth holds does no harm."""
    first: dict[str, tuple[str, Item]] = {}
    found: dict[tuple[str, str], tuple[Item, Item]] = {}
    for split, members in items.items():
        for item in members if split not in unlabeled else []:
            if item.group is not None:
                where, other = first.setdefault(item.group, (split, item))
                if where != split:
                    found.setdefault((item.group, split), (other, item))
    return [
        f"{item.location or split}: {item.name!r} is of the group {group!r}, and so is {other.name!r} of "
        f"{first[group][0]} ({other.location}). What belongs together must not be trained on and scored; move it "
        "into one split, or correct `group`."
        for (group, split), (other, item) in found.items()
    ]


def hidden(unlabeled: set[str]) -> list[str]:
    """A note on each split that is predicted only."""
    return [
        f"no image of the split {split} has ground truth: it can be predicted, not scored"
        for split in sorted(unlabeled)
    ]


def check_classes(
    dataset: Dataset, table: ClassTable, writers: dict[str, SplitWriter], objects: dict[str, int]
) -> tuple[list[str], list[str]]:
    """Problems and warnings about what no training or no validation image shows.

    Args:
        dataset: the data set.
        table: its classes.
        writers: of each split.
        objects: boxes or words that count, of each split.
    """
    where, train, val = f"data set {dataset.name}", writers[TRAIN], writers[VAL]
    if dataset.task == "text":
        return [
            f"{where}: no {word} image holds a word that counts. Nothing can be {done}; check the polygons."
            for split, word, done in ((TRAIN, "training", "learnt"), (VAL, "validation", "scored"))
            if not objects[split]
        ], []
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
    warnings = []
    if absent and not table.must_occur:
        warnings.append(f"classes that never occur in the training split: {', '.join(map(repr, absent))}")
    if not sum(map(int, val.scored_pixels)):
        problems.append(
            f"{where}: all pixels of the validation split ({len(val.names)} images) are void: nothing can be scored. "
            "Check the masks, and the values that are `void`."
        )
    else:
        there = np.sum(val.class_counts, axis=0)
        warnings += [
            f"the {kind} {name!r} never occurs in the validation split: it has no score there"
            for name, count, trained in zip(table.names, there, counts, strict=True)
            if trained and not count
        ]
    if dataset.task == "multitask" and not objects[TRAIN]:
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


def odd_images(items: dict[str, list[Item]]) -> list[str]:
    """What was let pass in images, each kind once, with the first image of it."""
    found: dict[str, dict[str, None]] = {}
    for item in (item for members in items.values() for item in members):
        for warning in item.warnings:
            found.setdefault(warning, {})[item.name] = None
    return [
        f"{warning} ({plural(len(names), 'image')}, such as {next(iter(names))})" for warning, names in found.items()
    ]
