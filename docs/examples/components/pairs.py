"""A reader: images and masks side by side, train/NAME.png and train/NAME_mask.png."""

from pathlib import Path

from segsweep.data.raw_item import Item


def read(root: Path, ending: str = "_mask.png", image_ending: str = ".png") -> dict[str, list[Item]]:
    """The items of the folders train and val, and of test where it is there."""
    found = {}
    for split in ("train", "val", "test"):
        names = [path.name.removesuffix(ending) for path in sorted((root / split).glob(f"*{ending}"))]
        if names:
            found[split] = [
                Item(name, root / split / f"{name}{image_ending}", root / split / f"{name}{ending}") for name in names
            ]
    return found
