"""Pictures and masks that share a name, found by patterns, with a list of names for each split."""

from pathlib import Path

from segsweep.config.dataset import Dataset
from segsweep.data.name_lists import names_by_split
from segsweep.data.raw_item import Item


def read(dataset: Dataset, root: Path) -> dict[str, list[Item]]:
    """Items of each split, in the order of the lists."""
    return {
        split: [
            Item(
                name=name,
                image=root / dataset.images.format(split=split, name=name),
                mask=root / dataset.masks.format(split=split, name=name),
                place=place,
            )
            for name, place in names
        ]
        for split, names in names_by_split(dataset, root).items()
    }
