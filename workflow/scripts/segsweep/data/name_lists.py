"""The names of the images of each split: from lists, one name a line, from a table, or of all that there are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from segsweep.config.dataset_keys import Dataset
from segsweep.config.split_keys import POOL, RandomSplits, TableSplits
from segsweep.data.split_tables import names_of_table
from segsweep.errors import InputError


def read_names(path: Path) -> list[tuple[str, str]]:
    """Names and locations ("train.txt:17") of a list. Blank lines and what follows a `#` or a blank are passed over.

    Raises:
        InputError: when the file cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: the list of names cannot be read ({error}). Add it, or correct `splits`.") from error
    words = ((line.split("#")[0].split(), number) for number, line in enumerate(lines, 1))
    return [(parts[0], f"{path}:{number}") for parts, number in words if parts]


def names_by_split(
    dataset: Dataset,
    root: Path,
    folders: tuple[str, ...] = ("",),
    every: Callable[[str], list[tuple[str, str]]] | None = None,
) -> dict[str, list[tuple[str, str]]]:
    """Names and locations of each split of the data set, by any form of `splits`.

    Splits that are to be drawn are not yet: all names are in one, `POOL`, which preparation deals out.

    Args:
        dataset: the data set.
        root: its folder.
        folders: under it, in which lists are looked for, in turn.
        every: of a folder that is filled in for {split}, or of "", all names that the reader finds and their locations.

    Raises:
        InputError: with one problem for each list that is missing or unreadable, or line of a table that is wrong.
    """
    if not root.is_dir():
        raise InputError(
            f"{root}: no such folder, for the data set {dataset.name!r}. Fetch the data (data/README.md), or say where "
            "it lies: --config data_root=DIR, and `root` in the data set's file."
        )
    splits = dataset.splits
    if isinstance(splits, TableSplits):
        return names_of_table(splits, root)
    if isinstance(splits, dict):
        lists = {split: [root / folder / file for folder in folders] for split, file in splits.items()}
        return _each(lists, lambda paths: read_names(next((path for path in paths if path.exists()), paths[0])))
    if every is None:
        raise InputError(
            f"data set {dataset.name}: the reader {dataset.reader} finds names in lists or a table only. Write "
            "`splits: {train: train.txt, val: val.txt}`, or `{table: splits.csv}`."
        )
    return _each({POOL: ""} if isinstance(splits, RandomSplits) else splits.by_split, every)


def _each(places: dict[str, Any], names: Callable[[Any], list[tuple[str, str]]]) -> dict[str, list[tuple[str, str]]]:
    """Names by split, and all problems at once."""
    found, problems = {}, []
    for split, place in places.items():
        try:
            found[split] = names(place)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(*problems)
    return found


def split_names(dataset: Dataset, root: Path) -> list[str]:
    """Names of the splits that a data set has once it is prepared. A table that is not here has none.

    Raises:
        InputError: the table is wrong.
    """
    splits = dataset.splits
    if isinstance(splits, TableSplits):
        return list(names_of_table(splits, root)) if (root / splits.table).is_file() else []
    if isinstance(splits, RandomSplits):
        return list(splits.random.by_split)
    return list(splits if isinstance(splits, dict) else splits.by_split)
