"""ICDAR 2015, challenge 4: images/NAME.jpg, gt/gt_NAME.txt with one word a line, lists of names.

A line is `x1,y1,x2,y2,x3,y3,x4,y4,transcription`; the transcription is the rest of it and may hold commas. `###` marks
a word that nobody has to read or find.
"""

import math
from pathlib import Path
from typing import ClassVar, Literal

from segsweep.config.dataset_keys import Dataset
from segsweep.config.settings import key
from segsweep.data.name_lists import names_by_split
from segsweep.data.raw_item import Item
from segsweep.errors import InputError

UNREADABLE = "###"
SUFFIXES = (".jpg", ".png", ".jpeg", ".JPG")
NUMBERS = 8

Quad = list[tuple[float, float]]


class IcdarDataset(Dataset):
    """Images with quads around words."""

    tasks: ClassVar[tuple[str, ...]] = ("text",)

    split_forms: ClassVar[tuple[str, ...]] = ("lists", "table", "random")  # one folder holds the images of all splits

    reader: Literal["icdar"] = key("icdar", "Format of the files.")


def read(dataset: IcdarDataset, root: Path) -> dict[str, list[Item]]:
    """Items of each split: images with polygons, four corners each, and which are ignored.

    Raises:
        InputError: a list that is missing. What is wrong with an image's words stands in its `problems`.
    """
    return {
        split: [_item(name, *_files(root, name), location) for name, location in names]
        for split, names in names_by_split(dataset, root, every=lambda _: _every(root)).items()
    }


def files(dataset: IcdarDataset, root: Path) -> dict[str, list[tuple[str, list[Path]]]]:
    """Image and words of each name."""
    return {
        split: [(name, list(_files(root, name))) for name, _ in names]
        for split, names in names_by_split(dataset, root, every=lambda _: _every(root)).items()
    }


def _every(root: Path) -> list[tuple[str, str]]:
    """Name and file of all images."""
    found = sorted(path for path in (root / "images").glob("*") if path.suffix in SUFFIXES)
    return [(path.stem, str(path)) for path in found]


def _files(root: Path, name: str) -> tuple[Path, Path]:
    images = [root / "images" / f"{name}{suffix}" for suffix in SUFFIXES]
    return next((image for image in images if image.exists()), images[0]), root / "gt" / f"gt_{name}.txt"


def _item(name: str, image: Path, words: Path, location: str) -> Item:
    item = Item(name, image, location=location, labels_file=words)
    try:
        if words.is_file():
            item.polygons, item.ignored = read_words(words)
    except InputError as error:
        item.problems += error.problems
    return item


def read_words(path: Path) -> tuple[list[Quad], list[bool]]:
    """Quads and whether each is ignored, of a file of ICDAR's.

    UTF-8, with or without a byte-order mark; blank lines are passed over.

    Raises:
        InputError: the file cannot be read, or with one problem for each bad line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise InputError(
            f"{path}: no such file; each image of the lists needs one (empty if it shows no text). "
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
    return polygons, ignored


def _word(line: str) -> tuple[Quad, str]:
    """Quad and transcription of a line; ValueError says what is wrong with it."""
    from segsweep.text.geometry import shape

    parts = line.split(",", NUMBERS)
    form = "a line is x1,y1,x2,y2,x3,y3,x4,y4,transcription (### if unreadable)"
    if len(parts) <= NUMBERS:
        raise ValueError(f"found {len(parts)} fields in {_short(line)}; {form}. Add what is missing.")
    try:
        numbers = [float(part) for part in parts[:NUMBERS]]
    except ValueError:
        raise ValueError(f"found {_short(line)}, where not all of the first 8 fields are numbers; {form}.") from None
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"found {_short(line)}; coordinates must be finite numbers of pixels. Correct them.")
    polygon = list(zip(numbers[::2], numbers[1::2], strict=True))
    if shape(polygon).area == 0:
        raise ValueError(f"the quad in {_short(line)} has no area. Correct its corners, or delete the line.")
    return polygon, parts[NUMBERS].strip()


def _short(line: str, most: int = 80) -> str:
    return repr(line if len(line) <= most else line[: most - 3] + "...")
