"""Groups of images that belong together, as those of one patient do: which group an image is of, by its name."""

import re
from pathlib import Path

from segsweep.config.dataset_keys import Dataset
from segsweep.config.split_keys import TableSplits
from segsweep.data.raw_item import Item
from segsweep.data.split_tables import groups_of_table


def assign_groups(dataset: Dataset, root: Path, items: dict[str, list[Item]]) -> None:
    """Set the group of each item, where the data set says how; a name that tells none is one of the item's problems."""
    of_names = groups_of_table(dataset.splits, root) if isinstance(dataset.splits, TableSplits) else {}
    pattern = dataset.group or (None if of_names else getattr(dataset.splits, "group", None))
    for item in (item for members in items.values() for item in members):
        if item.name in of_names:
            item.group = of_names[item.name]
        elif pattern is not None:
            item.group = group_of(pattern, item.name)
            if not item.group:
                item.problems.append(
                    f"{item.location or dataset.name}: the group {pattern!r} is not found in the name {item.name!r}. "
                    "Correct `group` in the data set's file, so that it fits all names."
                )


def group_of(pattern: str, name: str) -> str | None:
    """The group that a name tells by a pattern with {name}, or by a regular expression; None if it tells none."""
    if "{name" in pattern:
        return pattern.format(name=name)
    match = re.search(pattern, name)
    return match and match[1]
