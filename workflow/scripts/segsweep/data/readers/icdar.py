"""ICDAR 2015, challenge 4, and what is written like it: images/NAME.jpg, gt/gt_NAME.txt with a word a line, lists.

A line is `x1,y1,x2,y2,x3,y3,x4,y4,transcription`; the transcription is the rest of it and may hold commas. `###` or
`*` marks a word that nobody has to read or find. Other lines are named by `format`.

Source: Karatzas et al., ICDAR 2015 competition on robust reading; Nayef et al., ICDAR 2017 and 2019 competitions on
multi-lingual scene text (MLT); Ch'ng and Chan, Total-Text, ICDAR 2017.
"""

import math
import re
from pathlib import Path
from typing import ClassVar, Literal

from segsweep.config.dataset_keys import Dataset
from segsweep.config.settings import key
from segsweep.data.image_names import SUFFIXES, image_of_name
from segsweep.data.name_lists import names_by_split
from segsweep.data.raw_item import Item
from segsweep.errors import InputError

UNREADABLE = re.compile(r"#{3,}|\*")  # CTW1500 writes #### before each transcription
LINES = {
    "quads": "x1,y1,x2,y2,x3,y3,x4,y4,transcription",
    "polygons": "x1,y1,...,xn,yn,transcription",
    "mlt": "x1,y1,x2,y2,x3,y3,x4,y4,script,transcription",
}
SCRIPTS = ("arabic", "bangla", "chinese", "hindi", "japanese", "korean", "latin", "mixed", "none", "symbols")
CORNER = 2  # numbers
QUAD = 4 * CORNER
LEAST = 3 * CORNER
QUOTE = '"'

Polygon = list[tuple[float, float]]


class OtherFormat(ValueError):
    """A line of another format than the data set's file says."""


class IcdarDataset(Dataset):
    """Images with quads or polygons around words."""

    tasks: ClassVar[tuple[str, ...]] = ("text",)

    split_forms: ClassVar[tuple[str, ...]] = ("lists", "table", "random")  # one folder holds the images of all splits

    reader: Literal["icdar"] = key("icdar", "Format of the files.")
    format: Literal["quads", "polygons", "mlt"] = key(
        "quads",
        "What a line holds: four corners and the transcription; any number of corners and the transcription (as "
        "Total-Text is converted); or four corners, the script and the transcription (MLT).",
    )


def read(dataset: IcdarDataset, root: Path) -> dict[str, list[Item]]:
    """Items of each split: images with polygons, and which are ignored.

    Raises:
        InputError: a list that is missing. What is wrong with an image's words stands in its `problems`.
    """
    return {
        split: [_item(name, *_files(root, name), location, dataset.format) for name, location in names]
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
    found = sorted(path for path in (root / "images").glob("[!.]*") if path.suffix.lower() in SUFFIXES)
    return [(path.stem, str(path)) for path in found]


def _files(root: Path, name: str) -> tuple[Path, Path]:
    return image_of_name(root / "images", name), root / "gt" / f"gt_{name}.txt"


def _item(name: str, image: Path, words: Path, location: str, form: str) -> Item:
    item = Item(name, image, location=location, labels_file=words)
    try:
        if words.is_file():
            item.polygons, item.ignored = read_words(words, form)
    except InputError as error:
        item.problems += error.problems
    return item


def read_words(path: Path, form: str = "quads") -> tuple[list[Polygon], list[bool]]:
    """Polygons and whether each is ignored, of a file of ICDAR's.

    UTF-8, with or without a byte-order mark; blank lines are passed over.

    Args:
        path: the file.
        form: of its lines, see `IcdarDataset.format`.

    Raises:
        InputError: the file cannot be read, or with one problem for each bad line.
    """
    if path.exists() and not path.is_file():
        raise InputError(f"{path}: is not a file. Put the words of the image there.")
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")  # not `splitlines`: words hold U+2028 and the like
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
            polygon, transcription = _word(line, form)
        except ValueError as error:
            problems.append(f"{path}:{number}: {error}")
            if isinstance(error, OtherFormat):
                break  # all lines would say the same
            continue
        polygons.append(polygon)
        ignored.append(UNREADABLE.fullmatch(transcription) is not None)
    if problems:
        raise InputError(*problems)
    return polygons, ignored


def _word(line: str, form: str) -> tuple[Polygon, str]:
    """Polygon and transcription of a line; ValueError says what is wrong with it, OtherFormat that the file is."""
    from segsweep.text.geometry import shape

    fields = line.split(",")
    corners = _corners(fields, form)
    said = f"a line is {LINES[form]} (### if unreadable)"
    if len(fields) <= corners + (form == "mlt"):
        raise ValueError(
            f"found {len(fields)} fields in {_short(line)}; {said}. Add what is missing, or correct `format`."
        )
    numbers = [_number(field) for field in fields[:corners]]
    if None in numbers:
        raise ValueError(
            f"found {_short(line)}, where not all of the first {corners} fields are numbers; {said}. Correct them."
        )
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"found {_short(line)}; coordinates must be finite numbers of pixels. Correct them.")
    polygon, rest = list(zip(numbers[::2], numbers[1::2], strict=True)), fields[corners:]
    if form == "mlt":
        script, *rest = rest
        if script.strip().lower() not in SCRIPTS:
            raise OtherFormat(f"found no script, but {script!r}, in {_short(line)}; {said}. Correct `format`.")
    elif len(rest) > 1 and rest[0].strip().lower() in SCRIPTS:
        raise OtherFormat(
            f"found the script {rest[0]!r} before the transcription in {_short(line)}; so has format: mlt. Set it in "
            f"the data set's file, or put the transcription into double quotes."
        )
    if form == "quads" and _goes_on(polygon, rest):
        raise OtherFormat(
            f"found further corners behind the fourth in {_short(line)}; any number of them has format: polygons. Set "
            "it in the data set's file, or put the transcription into double quotes."
        )
    if shape(polygon).area == 0:
        raise ValueError(f"the polygon in {_short(line)} has no area. Correct its corners, or delete the line.")
    return polygon, _unquoted(",".join(rest).strip())


def _corners(fields: list[str], form: str) -> int:
    """Number of fields that are coordinates: up to the first that is no number, or all but the last."""
    if form != "polygons":
        return QUAD
    count = next((i for i, field in enumerate(fields) if _number(field) is None), len(fields) - 1)
    if count % 2 or count < LEAST:
        raise ValueError(
            f"found {count} numbers before the transcription in {_short(','.join(fields))}; a line is "
            f"{LINES['polygons']}, with three corners or more. Correct it; a transcription that begins with a number "
            "and a comma stands in double quotes."
        )
    return count


def _goes_on(quad: Polygon, rest: list[str]) -> bool:
    """Whether a transcription begins with two numbers that are near the quad: they are a fifth corner."""
    point = [_number(field) for field in rest[:CORNER]]
    if len(rest) < CORNER + 1 or None in point:
        return False
    sides = [(min(known), max(known)) for known in zip(*quad, strict=True)]
    near = max(last - first for first, last in sides)
    return all(first - near <= value <= last + near for value, (first, last) in zip(point, sides, strict=True))


def _number(field: str) -> float | None:
    try:
        return None if "_" in field else float(field)  # which Python takes for a number as well
    except ValueError:
        return None


def _unquoted(transcription: str) -> str:
    quoted = len(transcription) > 1 and transcription[0] == transcription[-1] == QUOTE
    return transcription[1:-1] if quoted else transcription


def _short(line: str, most: int = 80) -> str:
    return repr(line if len(line) <= most else line[: most - 3] + "...")
