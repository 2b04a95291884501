"""Lists of names, one a line, that say which images make a split."""

import posixpath
import re
from pathlib import Path

from segsweep.config.dataset_keys import Dataset
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
        if not_unicode(name):
            problems.append(
                f"{path}:{number}: {name!a} is not UTF-8. Rename the image if need be, and save the list as UTF-8."
            )
        elif any(sign < " " for sign in name):
            problems.append(f"{path}:{number}: {name!r} holds a control character. Save the list as plain UTF-8 text.")
        names.append((posixpath.normpath(name), f"{path}:{number}"))
    if problems:
        more = [f"{path}: {len(problems) - SHOWN} more lines like these."] if len(problems) > SHOWN else []
        raise InputError(*problems[:SHOWN], *more)
    return names


def not_unicode(name: str) -> bool:
    """Whether a name, of a list or of a file on the disk, holds bytes that are not UTF-8: nothing can be called so."""
    return any("\udc80" <= sign <= "\udcff" for sign in name)  # what Python puts in the place of such bytes


def _lines(path: Path) -> list[str]:
    remedy = "Add it, or correct `splits`."
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise InputError(f"{path}: the list of names is not a file. {remedy}")
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise InputError(f"{path}: the list of names cannot be read ({error.strerror}). {remedy}") from error
    return text.removeprefix("\ufeff").split("\n")  # not `splitlines`, which splits at signs that names may hold


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
