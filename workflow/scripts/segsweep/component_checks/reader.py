"""A reader: the items of each split, and that the first of each can be decoded."""

from collections.abc import Callable
from pathlib import Path

from segsweep.component_checks.own_component import OwnComponent
from segsweep.data.raw_item import Item

SHOWN = 3


def check_reader(component: OwnComponent, root: Path, decode: Callable[[Item], list[str]]) -> str:
    """Read the lists, and one item of each split.

    Args:
        component: the reader's; its settings are the data set's.
        root: folder of the data set.
        decode: what is wrong with an item: problems, each complete.
    """
    expected = "It takes the data set's settings and its folder"
    with component.calls(f"read of {root}", f"{expected}, and gives {{split: [Item, ...]}}"):
        items = component.functions.read(component.settings, root)
    with component.calls(f"files of {root}", f"{expected}, and gives {{split: [(name, [file, ...]), ...]}}"):
        files = component.functions.files(component.settings, root)
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
        with component.calls(
            f"decoding {members[0].name} of {split}", "See segsweep.data.raw_item.Item for its fields"
        ):
            problems = decode(members[0])
        if problems:
            raise component.problem(
                f"the first item of {split} cannot be used: {problems[0].rstrip('.')}",
                "Correct the reader, or the file",
            )
    return ", ".join(f"{len(members)} {split}" for split, members in items.items())
