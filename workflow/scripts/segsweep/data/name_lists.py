"""Lists of names, one a line, that say which images make a split."""

from pathlib import Path

from segsweep.config.dataset_keys import Dataset
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


def names_by_split(dataset: Dataset, root: Path, folders: tuple[str, ...] = ("",)) -> dict[str, list[tuple[str, str]]]:
    """Names and locations of each split of the data set; lists are looked for in the folders under `root`, in turn.

    Raises:
        InputError: with one problem for each list that is missing or unreadable.
    """
    if not root.is_dir():
        raise InputError(
            f"{root}: no such folder, for the data set {dataset.name!r}. Fetch the data (data/README.md), or say where "
            "it lies: --config data_root=DIR, and `root` in the data set's file."
        )
    found, problems = {}, []
    for split, file in dataset.splits.items():
        candidates = [root / folder / file for folder in folders]
        path = next((path for path in candidates if path.exists()), candidates[0])
        try:
            found[split] = read_names(path)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(*problems)
    return found
