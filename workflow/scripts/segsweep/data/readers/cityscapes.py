"""Cityscapes: leftImg8bit/SPLIT/CITY/*_leftImg8bit.png and gtFine/SPLIT/CITY/*_gtFine_labelIds.png.

Source: Cordts et al., The Cityscapes Dataset for Semantic Urban Scene Understanding, CVPR 2016.
"""

from pathlib import Path

from segsweep.config.dataset import Dataset
from segsweep.data.raw_item import Item
from segsweep.errors import InputError

PICTURE = "_leftImg8bit.png"
MASK = "_gtFine_labelIds.png"


def read(dataset: Dataset, root: Path) -> dict[str, list[Item]]:
    """Items of each split by city and name. `splits` names the folders; void values depend on `classes`.

    Raises:
        InputError: with one problem for each split without pictures.
    """
    found, problems = {}, []
    for split, name in dataset.splits.items():
        folder = root / "leftImg8bit" / name
        paths = sorted(folder.glob(f"*/*{PICTURE}"))
        if not paths:
            problems.append(
                f"{folder}: no pictures CITY/*{PICTURE} for the split {split!r} of the data set {dataset.name!r}. "
                "Unpack leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip there, or correct `splits`."
            )
        found[split] = [_item(root, name, path) for path in paths]
    if problems:
        raise InputError(*problems)
    return found


def _item(root: Path, split: str, path: Path) -> Item:
    name = path.name.removesuffix(PICTURE)
    return Item(
        name=name, image=path, mask=root / "gtFine" / split / path.parent.name / f"{name}{MASK}", place=str(path.parent)
    )
