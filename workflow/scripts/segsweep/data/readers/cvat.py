"""CVAT for images 1.1: one XML file with the shapes of all images, and the images in a folder.

Source: CVAT's manual, "CVAT for images", https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/.
"""

import json
import math
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from xml.etree.ElementTree import Element

from pydantic import field_validator, model_validator

from segsweep.config.annotated_dataset import AnnotatedDataset
from segsweep.config.name_patterns import checked_pattern
from segsweep.config.settings import key
from segsweep.config.split_keys import FolderSplits, check_patterns, form_of
from segsweep.data.file_kinds import not_a_file
from segsweep.data.image_files import MOST_PIXELS
from segsweep.data.image_names import name_of, path_in_folder
from segsweep.data.image_sources import MISSING, Source, names_with_sources
from segsweep.data.raw_item import Item
from segsweep.errors import InputError
from segsweep.formatting import plural
from segsweep.io import read_xml

if TYPE_CHECKING:
    import numpy as np

    from segsweep.data.annotations import AnnotatedImage, Annotation

SHAPES = ("polygon", "box", "ellipse", "mask", "polyline")
OF_THE_IMAGE = "tag"  # says something of the image as a whole
EXPORT_AGAIN = 'Export the task again as "CVAT for images 1.1"'


@dataclass(frozen=True)
class CvatFile(Source):
    """What an XML file says of its images, and the folder in which these lie."""

    images: dict[str, Element]
    folder: Path


class CvatDataset(AnnotatedDataset):
    """Annotations of CVAT, in its own format for images."""

    reader: Literal["cvat"] = key("cvat", "Format of the files.")
    annotations: str = key(
        "annotations.xml",
        "The XML file. {split} is filled in; in a file for all splits, `splits: {folders: ...}` names its subsets.",
        outcome=False,
    )
    images: str = key("images", "Folder of the images, to which their names in CVAT are relative.", outcome=False)
    line_width: float | None = key(None, "Width of lines; without it they are refused.", unit="pixels", gt=0)

    @field_validator("annotations", "images")
    @classmethod
    def _is_a_pattern(cls, pattern: str) -> str:
        return checked_pattern(pattern, ("split",), ())

    @model_validator(mode="after")
    def _splits_fit(self):
        if form_of(self.splits) == "random":
            check_patterns(self.splits, self.annotations, self.images)
        return self


def read(dataset: CvatDataset, root: Path) -> dict[str, list[Item]]:
    """Items of each split.

    Raises:
        InputError: as `files`. What is wrong with the shapes of an image stands in its item's `problems`.
    """
    from segsweep.data.annotations import annotated_items

    return annotated_items(
        dataset,
        {
            split: [_annotated(dataset, name, location, file) for name, location, file in members]
            for split, members in _found(dataset, root).items()
        },
    )


def files(dataset: CvatDataset, root: Path) -> dict[str, list[tuple[str, list[Path | str]]]]:
    """Image of each name, and what the XML file says of it.

    Raises:
        InputError: lists or XML files that are missing or damaged.
    """
    return {
        split: [(name, _files(file, file.images.get(name))) for name, _, file in members]
        for split, members in _found(dataset, root).items()
    }


def _annotated(dataset: CvatDataset, name: str, location: str, file: CvatFile) -> "AnnotatedImage":
    from segsweep.data.annotations import AnnotatedImage, unknown_image

    element = file.images.get(name)
    if element is None:
        return unknown_image(name, location, file)
    path, size = file.folder / element.get("name"), (int(element.get("height")), int(element.get("width")))
    where = f"{file.path}: image {element.get('name')!r}"
    annotations, problems = _annotations(element, where, dataset.line_width)
    return AnnotatedImage(name, path, annotations, size, location, file.path, problems)


def _files(file: CvatFile, element: Element | None) -> list[Path | str]:
    return MISSING if element is None else [file.folder / element.get("name"), json.dumps(_plain(element))]


def _plain(element: Element) -> list[Any]:
    """An element as JSON's types; the number of an image, which other images change, aside."""
    attributes = sorted((name, value) for name, value in element.items() if name != "id")
    return [element.tag, attributes, (element.text or "").strip(), [_plain(child) for child in element]]


def _found(dataset: CvatDataset, root: Path) -> dict[str, list[tuple[str, str, CvatFile]]]:
    """Name, location and XML file of each item."""
    parsed = cache(_parsed)

    def file_of(folder: str) -> CvatFile:
        path = root / dataset.annotations.format(split=folder)
        subset = folder if isinstance(dataset.splits, FolderSplits) and "{split}" not in dataset.annotations else None
        return CvatFile(path, _by_name(path, parsed(path), subset), root / dataset.images.format(split=folder))

    return names_with_sources(dataset, root, file_of)


def _parsed(file: Path) -> list[Element]:
    """The images of an XML file."""
    if wrong := not_a_file(file):
        raise InputError(f"{file}: {wrong}. Put CVAT's annotations there, or correct `annotations`.")
    root = read_xml(file, f"{EXPORT_AGAIN}.")
    if tracks := len(root.findall("track")):
        raise InputError(f"{file}: holds {tracks} tracks of a video, not shapes of images. {EXPORT_AGAIN}.")
    images = root.findall("image")
    if root.tag != "annotations" or not images:
        raise InputError(f"{file}: holds <{root.tag}> without any <image>. {EXPORT_AGAIN}.")
    problems = []
    for number, image in enumerate(images, 1):
        name = image.get("name", "")
        if not name or not all(image.get(side, "").isdecimal() for side in ("width", "height")):
            problems.append(f"{file}: image {number} ({name!a}) lacks its name, width or height. {EXPORT_AGAIN}.")
        elif path := path_in_folder(name):
            image.set("name", path)
        else:
            problems.append(f"{file}: image {number} is called {name!a}, no path in the folder of images. Rename it.")
    if problems:
        raise InputError(*problems)
    return images


def _by_name(file: Path, images: list[Element], subset: str | None) -> dict[str, Element]:
    """Images of a subset, or all of them where it is None, by their names in CVAT without endings."""
    found: dict[str, Element] = {}
    twice: list[str] = []
    for image in images:
        if subset is None or image.get("subset") == subset:
            name = name_of(image.get("name"))
            twice += [name] * (name in found)
            found[name] = image
    if not found:
        subsets = sorted({image.get("subset") or "none" for image in images})
        raise InputError(
            f"{file}: no image is of the subset {subset!r}; subsets are {', '.join(subsets)}. Correct `splits`."
        )
    if twice:
        raise InputError(
            f"{file}: has {plural(len(twice), 'image')} whose name another one has, as {twice[0]!r}. Export each task "
            "into a file of its own, or name subsets with `splits: {folders: ...}`."
        )
    return found


def _annotations(element: Element, where: str, line_width: float | None) -> tuple[list["Annotation"], list[str]]:
    """Shapes in the order in which they are drawn, by z_order and as they stand in the file; and problems."""
    from segsweep.data.annotations import Annotation

    found: list[tuple[float, Annotation]] = []
    problems = []
    for number, shape in enumerate(element, 1):
        if shape.tag == OF_THE_IMAGE:
            continue
        label, location = shape.get("label", ""), f"{where}, shape {number}"
        group = shape.get("group_id", "0")
        try:
            layer = _numbers(shape, "z_order")[0] if shape.get("z_order") else 0.0
            outline = _outline(shape, line_width)
        except ValueError as error:
            problems.append(f"{location} ({label}) {error}.")
            continue
        annotation = Annotation(label, **outline, group=None if group == "0" else group, location=location)
        found.append((layer, annotation))
    return [annotation for _, annotation in sorted(found, key=itemgetter(0))], problems


def _outline(shape: Element, line_width: float | None) -> dict[str, Any]:
    """What a shape covers, as arguments of `Annotation`; ValueError says what is wrong with it."""
    from segsweep.data.annotations import outlines

    kind = shape.tag
    if kind not in SHAPES:
        raise ValueError(f"is a {kind!r}; shapes with an area are {', '.join(SHAPES)}. Delete it, or draw another")
    if kind == "box":
        turned = _rotation(shape)
        box = outlines.rectangle(*_numbers(shape, "xtl", "ytl", "xbr", "ybr"), turned)
        return {"rings": [box], "cut_off": turned != 0}
    if kind == "ellipse":
        ellipse = outlines.ellipse(*_numbers(shape, "cx", "cy", "rx", "ry"), _rotation(shape))
        return {"rings": [ellipse], "cut_off": True}
    if kind == "mask":
        return _mask(shape)
    points = _points(shape.get("points", ""))
    if kind == "polygon":
        return {"rings": [points]}
    return {"rings": outlines.line(kind, points, line_width), "cut_off": True}


def _numbers(shape: Element, *names: str) -> list[float]:
    try:
        numbers = [float(shape.get(name, "")) for name in names]
    except ValueError:
        numbers = [math.nan]
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"has {dict(shape.items())}; {', '.join(names)} are numbers. {EXPORT_AGAIN}")
    return numbers


def _rotation(shape: Element) -> float:
    return _numbers(shape, "rotation")[0] if shape.get("rotation") else 0.0


def _points(text: str) -> "np.ndarray":
    """(k, 2) of `x,y;x,y;...`."""
    import numpy as np

    try:
        points = np.array([[float(number) for number in pair.split(",")] for pair in text.split(";")])
    except ValueError:
        points = np.empty(0)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise ValueError(f"has the points {text[:60]!r}, which are not x,y;x,y;... {EXPORT_AGAIN}")
    return points


def _mask(shape: Element) -> dict[str, Any]:
    """A mask in a box: run lengths row by row, of pixels without and with it in turn."""
    import numpy as np

    left, top, width, height = map(int, _numbers(shape, "left", "top", "width", "height"))
    try:
        runs = [int(run) for run in shape.get("rle", "").split(",")]
    except ValueError:
        runs = []
    fits = min(width, height) >= 1 and all(run >= 0 for run in runs) and sum(runs) == width * height <= MOST_PIXELS
    if not fits:
        raise ValueError(
            f"is a mask whose run lengths add up to {sum(runs)} pixels, its box has {width}x{height}. {EXPORT_AGAIN}"
        )
    return {
        "mask": np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width),
        "corner": (left, top),
    }
