"""Images and masks that share a name, found by patterns, with a list of names for each split."""

from pathlib import Path

from segsweep.config.dataset import Dataset
from segsweep.data.name_lists import names_by_split
from segsweep.data.raw_item import Item


def read(dataset: Dataset, root: Path) -> dict[str, list[Item]]:
    """Items of each split, in the order of the lists."""
    return {
        split: [Item(name, *_files(dataset, root, split, name), location=location) for name, location in names]
        for split, names in names_by_split(dataset, root).items()
    }


def files(dataset: Dataset, root: Path) -> dict[str, list[tuple[str, list[Path]]]]:
    """Image and mask of each name."""
    return {
        split: [(name, _files(dataset, root, split, name)) for name, _ in names]
        for split, names in names_by_split(dataset, root).items()
    }


def _files(dataset: Dataset, root: Path, split: str, name: str) -> list[Path]:
    return [root / pattern.format(split=split, name=name) for pattern in (dataset.images, dataset.masks)]
