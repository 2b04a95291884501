"""ICDAR 2015, challenge 4: images/NAME.jpg, gt/gt_NAME.txt with one word a line, lists of names.

A line is `x1,y1,x2,y2,x3,y3,x4,y4,transcription`; the transcription is the rest of it and may hold commas. `###` marks
a word that nobody has to read or find.
"""

from pathlib import Path

import numpy as np

from segsweep.config.dataset import Dataset
from segsweep.data.name_lists import names_by_split
from segsweep.data.raw_item import Item
from segsweep.errors import InputError
from segsweep.text.geometry import shape

UNREADABLE = "###"
SUFFIXES = (".jpg", ".png", ".jpeg", ".JPG")
NUMBERS = 8


def read(dataset: Dataset, root: Path) -> dict[str, list[Item]]:
    """Items of each split: pictures with polygons, four corners each, and which are ignored.

    Raises:
        InputError: a list that is missing. What is wrong with a picture's words stands in its `problems`.
    """
    return {
        split: [_item(root, name, place) for name, place in names]
        for split, names in names_by_split(dataset, root).items()
    }


def _item(root: Path, name: str, place: str) -> Item:
    files = [root / "images" / f"{name}{suffix}" for suffix in SUFFIXES]
    item = Item(name=name, image=next((file for file in files if file.exists()), files[0]), place=place)
    truth = root / "gt" / f"gt_{name}.txt"
    try:
        item.polygons, item.ignored = read_words(truth)
    except InputError as error:
        item.problems += error.problems
    return item


def read_words(path: Path) -> tuple[list[np.ndarray], np.ndarray]:
    """Quads, float32 (4, 2) each, and whether each is ignored, bool (n,), of a file of ICDAR's.

    UTF-8, with or without a byte-order mark; blank lines are passed over.

    Raises:
        InputError: the file cannot be read, or with one problem for each bad line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise InputError(
            f"{path}: no such file; each picture of the lists needs one (empty if it shows no text). "
            "Add it, or take the name off the list."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as UTF-8 text ({error}). Save it as UTF-8.") from error
    polygons, ignored, problems = [], [], []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            polygon, transcription = _word(line)
        except ValueError as error:
            problems.append(f"{path}:{number}: {error}")
            continue
        polygons.append(polygon)
        ignored.append(transcription == UNREADABLE)
    if problems:
        raise InputError(*problems)
    return polygons, np.array(ignored, dtype=bool)


def _word(line: str) -> tuple[np.ndarray, str]:
    """Quad and transcription of a line; ValueError says what is wrong with it."""
    parts = line.split(",", NUMBERS)
    form = "a line is x1,y1,x2,y2,x3,y3,x4,y4,transcription (### if unreadable)"
    if len(parts) <= NUMBERS:
        raise ValueError(f"found {len(parts)} fields in {_short(line)}; {form}. Add what is missing.")
    try:
        numbers = np.array([float(part) for part in parts[:NUMBERS]], dtype=np.float32)
    except ValueError:
        raise ValueError(f"found {_short(line)}, where not all of the first 8 fields are numbers; {form}.") from None
    if not np.isfinite(numbers).all():
        raise ValueError(f"found {_short(line)}; coordinates must be finite numbers of pixels. Correct them.")
    polygon = numbers.reshape(4, 2)
    if shape(polygon).area == 0:
        raise ValueError(f"the quad in {_short(line)} has no area. Correct its corners, or delete the line.")
    return polygon, parts[NUMBERS].strip()


def _short(line: str, most: int = 80) -> str:
    return repr(line if len(line) <= most else line[: most - 3] + "...")
