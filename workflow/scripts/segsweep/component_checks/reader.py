"""A reader: the items of each split, and that the first of each can be decoded."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from segsweep.component_checks.own_component import OwnComponent
from segsweep.data.classes import class_table
from segsweep.data.decoding import decode, decode_unlabeled
from segsweep.data.hidden_labels import unlabeled_splits
from segsweep.data.image_files.image_file import Reading
from segsweep.data.raw_item import Item

SHOWN = 3


def check_reader(component: OwnComponent, root: Path, files: Mapping[str, Sequence[tuple[str, Any]]]) -> str:
    """Read the lists, and one item of each split.

    Args:
        component: the reader's; its settings are the data set's.
        root: folder of the data set.
        files: name and files of each item of each split, as planning has them (`segsweep.data.readers.files`).
    """
    dataset = component.settings
    with component.calls(f"read of {root}", "It takes the folder of the data set, and gives {split: [Item, ...]}"):
        items = component.functions.read(dataset, root)
    if not isinstance(items, dict) or not items:
        raise component.problem(f"read gives {items!r:.80}", "Let it give {split: [Item, ...]} with a split `train`")
    for split, members in items.items():
        if not members:
            raise component.problem(
                f"the split {split} has no item", f"Look whether the files of {root} are where read expects them"
            )
        if wrong := [one for one in members if not isinstance(one, Item)]:
            raise component.problem(
                f"read gives {type(wrong[0]).__name__} in {split}", "Items are of segsweep.data.raw_item.Item"
            )
        named = [name for name, _ in files.get(split, [])]
        if named != [one.name for one in members]:
            raise component.problem(
                f"files names {', '.join(named[:SHOWN]) or 'nothing'} ... in {split}, and read "
                f"{', '.join(one.name for one in members[:SHOWN])} ...",
                "Let both name the same items in the same order: the hash of what files names stands for the data",
            )
    unlabeled = unlabeled_splits(items)
    for split, (first, *_) in items.items():
        read = decode_unlabeled if split in unlabeled else decode
        with component.calls(f"decoding {first.name} of {split}", "See segsweep.data.raw_item.Item for its fields"):
            _, problems = read(first, class_table(dataset), dataset.task != "text", Reading.of(dataset))
        if problems:
            raise component.problem(
                f"the first item of {split} cannot be used: {problems[0].rstrip('.')}",
                "Correct the reader, or the file",
            )
    return ", ".join(f"{len(members)} {split}" for split, members in items.items())
