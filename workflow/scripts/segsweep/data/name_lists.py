"""The names of the images of each split: from lists, one name a line, from a table, or of all that there are."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from segsweep.config.dataset_keys import Dataset
from segsweep.config.split_keys import POOL, RandomSplits, TableSplits
from segsweep.data.image_names import usable_name
from segsweep.data.split_tables import names_of_table
from segsweep.errors import InputError

BLANKS = " \t"
FLAGGED = ("ImageSets", "Main")  # folder whose lists say of each image whether it shows an object
FLAG = re.compile(r"[ \t]+(-1|0|1)$")
SHOWN = 3  # lines of a list that are not text


def read_names(path: Path) -> list[tuple[str, str]]:
    """Names and locations ("train.txt:17") of a list, UTF-8, one name a line.

    A name may hold blanks and `#`, but neither begins nor ends with a blank. Blank lines and comments, which begin with
    `# `, are passed over. `./a` and `a//b` are `a` and `a/b`. Lists of VOC's ImageSets/Main say behind each name
    whether an object is there (`2008_000008  -1`): all of their names are taken.

    Raises:
        InputError: when the file cannot be read, with one problem for each name that no file can have.
    """
    names, problems = [], []
    for number, line in enumerate(_lines(path), 1):
        name = line.strip(BLANKS)
        if path.parent.parts[-2:] == FLAGGED:
            name = FLAG.sub("", name)
        if not name or name == "#" or name.startswith("# "):
            continue
        location = f"{path}:{number}"
        names.append((usable_name(name, location, problems), location))
    if problems:
        more = [f"{path}: {len(problems) - SHOWN} more lines like these."] if len(problems) > SHOWN else []
        raise InputError(*problems[:SHOWN], *more)
    return names


def _lines(path: Path) -> list[str]:
    remedy = "Add it, or correct `splits`."
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise InputError(f"{path}: the list of names is not a file. {remedy}")
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise InputError(f"{path}: the list of names cannot be read ({error.strerror}). {remedy}") from error
    return text.removeprefix("\ufeff").split("\n")  # not `splitlines`, which splits at signs that names may hold


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
    found = _each({POOL: ""} if isinstance(splits, RandomSplits) else splits.by_split, every)
    if found.get(POOL) == []:
        raise InputError(
            f"{root}: no image is there that the reader {dataset.reader} finds, for the data set {dataset.name!r}. Put "
            "the images there, or correct `root`."
        )
    return found


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
