"""Images and masks that share a name, found by patterns, with a list of names for each split."""

from pathlib import Path
from string import Formatter
from typing import ClassVar, Literal

from pydantic import field_validator

from segsweep.config.components import Dataset
from segsweep.config.settings import key
from segsweep.data.name_lists import names_by_split
from segsweep.data.raw_item import Item


class FolderDataset(Dataset):
    """Images and masks whose paths follow from a name."""

    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass")

    reader: Literal["folder"] = key("folder", "Format of the files.")
    images: str = key("images/{name}.jpg", "Pattern of the images; {split} and {name} are filled in.", outcome=False)
    masks: str = key("masks/{name}.png", "Pattern of the masks.", outcome=False)

    @field_validator("images", "masks")
    @classmethod
    def _is_a_pattern(cls, pattern: str) -> str:
        found = {field for _, field, _, _ in Formatter().parse(pattern) if field is not None}
        if "name" not in found or not found <= {"name", "split"}:
            raise ValueError(f"found {pattern!r}; a pattern holds {{name}}, and {{split}} if need be. Correct it")
        return pattern


def read(dataset: FolderDataset, root: Path) -> dict[str, list[Item]]:
    """Items of each split, in the order of the lists."""
    return {
        split: [Item(name, *_files(dataset, root, split, name), location=location) for name, location in names]
        for split, names in names_by_split(dataset, root).items()
    }


def files(dataset: FolderDataset, root: Path) -> dict[str, list[tuple[str, list[Path]]]]:
    """Image and mask of each name."""
    return {
        split: [(name, _files(dataset, root, split, name)) for name, _ in names]
        for split, names in names_by_split(dataset, root).items()
    }


def _files(dataset: FolderDataset, root: Path, split: str, name: str) -> list[Path]:
    return [root / pattern.format(split=split, name=name) for pattern in (dataset.images, dataset.masks)]
