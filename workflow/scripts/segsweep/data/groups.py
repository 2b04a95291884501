"""Groups of images that belong together, as those of one patient do: which group an image is of, by its name."""

import re
from pathlib import Path

from segsweep.config.dataset_keys import Dataset
from segsweep.config.split_keys import TableSplits, has_fields
from segsweep.data.raw_item import Item
from segsweep.data.split_tables import groups_of_table


def assign_groups(dataset: Dataset, root: Path, items: dict[str, list[Item]]) -> None:
    """Set the group of each item, where the data set says how. Names that tell none are a problem of the first one."""
    of_names = groups_of_table(dataset.splits, root) if isinstance(dataset.splits, TableSplits) else {}
    pattern = dataset.group or (None if of_names else getattr(dataset.splits, "group", None))
    without = []
    for item in (item for members in items.values() for item in members):
        if item.name in of_names:
            item.group = of_names[item.name]
        elif pattern is not None:
            item.group = group_of(pattern, item.name) or None
            without += [item] if item.group is None else []
    if without:
        first, more = without[0], len(without) - 1
        first.problems.append(
            f"{first.location or dataset.name}: the group {pattern!r} is not found in the name {first.name!r}"
            f"{f' and in {more:,} more' if more else ''}. Correct `group` in the data set's file, so that it fits all "
            "names."
        )


def groups_of_one(items: dict[str, list[Item]]) -> list[str]:
    """A warning where there are groups, and none of them has two images: nothing is kept together."""
    groups = [item.group for members in items.values() for item in members if item.group is not None]
    if not groups or len(set(groups)) < len(groups):
        return []
    return [f"each image is a group of its own ({groups[0]!r} and so on): `group` keeps nothing together"]


def group_of(pattern: str, name: str) -> str | None:
    """The group that a name tells by a pattern with {name}, or by a regular expression; None if it tells none."""
    if has_fields(pattern):
        return pattern.format(name=name)
    match = re.search(pattern, name)
    return match and match[1]
