"""Readers of data sets, a file for each format: a class of settings with the keys that only this format has, and

read(dataset, root) -> {split: [Item, ...]}
files(dataset, root) -> {split: [(name, [Path | str, ...]), ...]}

`root` is the folder of the data set. `read` leaves what is wrong with a single image in its item's `problems`, where
it is reported with all others. `files` names what `read` and decoding open for each item, in the same order: planning
hashes these files, and does without numpy, so what only `read` needs (numpy, shapely) is imported where it is used.
"""

from pathlib import Path

from segsweep import registry
from segsweep.config.dataset_keys import Dataset
from segsweep.data.raw_item import Item
from segsweep.errors import InputError
from segsweep.own_code.functions import location
from segsweep.own_code.item_sources import sources_of


def read(dataset: Dataset, root: Path) -> dict[str, list[Item]]:
    """Items of each split, in the order of the lists; no image is opened.

    Args:
        root: folder of the data set (data_root and the data set's own `root` joined).

    Raises:
        InputError: lists that are missing. What is wrong with a single item stands in its `problems`.
    """
    return registry.load(dataset).read(dataset, root)


def files(dataset: Dataset, root: Path) -> dict[str, list[tuple[str, list[Path | str]]]]:
    """Name and files of each item of each split, in the order of the lists; none of the files is opened.

    The files are those that the item's pixels and labels come from, image first. A file that an item needs is named
    whether it exists or not; one that it can do without is named where it exists. Of a file that speaks of many images
    stands, in its place, the text of what it says of this one: what it says of others changes nothing for this one.
    Of a folder its files count. An entry may stand for all items that are cut from its files, as slices of a volume.

    Raises:
        InputError: lists that are missing, as `read` has it.

    A reader of own code may do without a function `files`: its items, which are read for that, say what it would.
    """
    module = registry.load(dataset)
    if dataset.own is None or hasattr(module, "files"):
        return module.files(dataset, root)
    try:
        items = module.read(dataset, root)
        return {split: [(item.name, sources_of(item)) for item in members] for split, members in items.items()}
    except InputError:
        raise
    except Exception as error:  # of any kind: it is a person's code
        raise InputError(
            f"{location(error, dataset.own.name)}: reader {dataset.own.name}: {type(error).__name__}: {error}. Correct "
            f"it; it is called with the folder {root}, and gives {{split: [Item, ...]}}."
        ) from error
