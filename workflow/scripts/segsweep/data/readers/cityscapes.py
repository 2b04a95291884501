"""Cityscapes: leftImg8bit/SPLIT/CITY/*_leftImg8bit.png and gtFine/SPLIT/CITY/*_gtFine_labelIds.png.

Source: Cordts et al., The Cityscapes Dataset for Semantic Urban Scene Understanding, CVPR 2016.
"""

from pathlib import Path
from typing import ClassVar, Literal

from segsweep.config.dataset_keys import Dataset
from segsweep.config.settings import key
from segsweep.data.raw_item import Item
from segsweep.errors import InputError

IMAGE = "_leftImg8bit.png"
MASK = "_gtFine_labelIds.png"


class CityscapesDataset(Dataset):
    """Cityscapes as it is unpacked."""

    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass")

    reader: Literal["cityscapes"] = key("cityscapes", "Format of the files.")
    splits: dict[str, str] = key(
        {"train": "train", "val": "val"}, "Split: folder of leftImg8bit and gtFine.", outcome=False
    )


def read(dataset: CityscapesDataset, root: Path) -> dict[str, list[Item]]:
    """Items of each split by city and name. `splits` names the folders; void values depend on `classes`.

    Raises:
        InputError: with one problem for each split without images.
    """
    return {
        split: [Item(name, image, mask, location=str(image.parent)) for name, (image, mask) in named]
        for split, named in files(dataset, root).items()
    }


def files(dataset: CityscapesDataset, root: Path) -> dict[str, list[tuple[str, list[Path]]]]:
    """Image and mask of each name.

    Raises:
        InputError: as `read`.
    """
    found, problems = {}, []
    for split, name in dataset.splits.items():
        folder = root / "leftImg8bit" / name
        images = sorted(folder.glob(f"*/*{IMAGE}"))
        if not images:
            problems.append(
                f"{folder}: no images CITY/*{IMAGE} for the split {split!r} of the data set {dataset.name!r}. "
                "Unpack leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip there, or correct `splits`."
            )
        masks = root / "gtFine" / name
        stems = [(image, image.name.removesuffix(IMAGE)) for image in images]
        found[split] = [(stem, [image, masks / image.parent.name / f"{stem}{MASK}"]) for image, stem in stems]
    if problems:
        raise InputError(*problems)
    return found
