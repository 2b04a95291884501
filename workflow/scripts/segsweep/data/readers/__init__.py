"""One file a format, found by name: `read(dataset, root)` gives the items of each split."""

from importlib import import_module
from pathlib import Path

from segsweep.config.dataset import Dataset
from segsweep.data.raw_item import Item


def read(dataset: Dataset, root: Path) -> dict[str, list[Item]]:
    """Items of each split, in the order of the lists; no picture is opened.

    Args:
        root: folder of the data set (data_root and the data set's own `root` joined).

    Raises:
        InputError: lists that are missing. What is wrong with a single item stands in its `problems`.
    """
    return import_module(f"segsweep.data.readers.{dataset.reader}").read(dataset, root)
