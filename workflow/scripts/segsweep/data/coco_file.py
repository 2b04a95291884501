"""COCO's JSON: images, annotations and categories, checked one by one.

Source: Lin et al. 2014, "Microsoft COCO: Common Objects in Context"; https://cocodataset.org/#format-data.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from segsweep.data.annotations import Annotation
from segsweep.data.image_names import name_of, path_in_folder
from segsweep.data.image_sources import Source
from segsweep.errors import InputError
from segsweep.io import read_json

CORNERS = 3  # least of a polygon
ID = int | float | str  # some programs write 1 as 1.0, which is the same number


class Entry(NamedTuple):
    """An annotation as it stands in the file; whether its outline is one is asked when it is drawn.

    Attributes:
        location: for problems.
        label: name of its category.
        content: all of it.
    """

    location: str
    label: str
    content: dict[str, Any]


@dataclass
class CocoImage:
    """An image of a file.

    Attributes:
        file: its `file_name`.
        size: height and width, where the file says them.
        entries: its annotations, in the order of the file; None where the file has none of any image.
        problems: of annotations that name no category.
    """

    file: str
    size: tuple[int, int] | None
    entries: list[Entry] | None
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class CocoFile(Source):
    """What a file says of its images, by their names: `file_name` without its ending.

    Attributes:
        problems: of what belongs to no image.
        folder: of the images.
    """

    images: dict[str, CocoImage]
    problems: list[str] = field(default_factory=list)
    folder: Path = Path()


def read_file(path: Path) -> CocoFile:
    """The images of a file, with their annotations.

    Raises:
        InputError: the file cannot be read, is no JSON, or has no image or no categories.
    """
    content = read_json(path, "Put it there, or correct `annotations` in the data set's file.", "Export it again.")
    parts = {part: content.get(part) for part in ("images", "annotations", "categories")} if _is(content, dict) else {}
    if missing := [part for part in ("images", "categories") if not _is(parts.get(part), list)]:
        raise InputError(
            f"{path}: no list {missing[0]!r}; a COCO file is {{images: [...], annotations: [...], categories: [...]}}. "
            "Export it as COCO instances (JSON)."
        )
    file = CocoFile(path, {}, [])
    labeled = _is(parts["annotations"], list)
    images = _images(file, parts["images"], labeled)
    labels = _labels(file, parts["categories"])
    for number, entry in enumerate(parts["annotations"] if labeled else ()):
        _add(file, f"{path}: annotation {number}", entry, images, labels)
    if not file.images:
        empty = f"{path}: the list of images is empty. Export it again, or take the split out."
        raise InputError(*(file.problems or [empty]))
    return file


def _is(value: Any, kind: type | tuple[type, ...]) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _images(file: CocoFile, entries: list[Any], labeled: bool) -> dict[Any, CocoImage]:
    """Images by id; those by name go into the file."""
    by_id: dict[Any, CocoImage] = {}
    for number, entry in enumerate(entries):
        where = f"{file.path}: image {number}"
        if not _is(entry, dict) or not _is(entry.get("id"), ID) or not _is(entry.get("file_name"), str):
            file.problems.append(f"{where} has no id or no file_name: {entry!r:.80}. Add them.")
            continue
        size = (entry.get("height"), entry.get("width"))
        if size != (None, None) and not all(_is(side, int | float) and side > 0 and side % 1 == 0 for side in size):
            file.problems.append(
                f"{where} has the height {size[0]!r} and width {size[1]!r}; both are whole numbers. Correct them."
            )
            size = (None, None)
        written, path = entry["file_name"], path_in_folder(entry["file_name"])
        size = None if None in size else (int(size[0]), int(size[1]))
        image = CocoImage(path or written, size, [] if labeled else None)
        other = by_id.setdefault(entry["id"], image)  # also of one that cannot be used: its annotations are no mistake
        if path is None:
            file.problems.append(
                f"{where} has the file_name {written!a}, which is no path in the folder of images. Write it relative "
                "to the folder that `images` names in the data set's file."
            )
            continue
        other = file.images.setdefault(name_of(path), image) if other is image else other
        if other is not image:
            file.problems.append(
                f"{where}: id {entry['id']!r}, file_name {written!r}: id or name are those of {other.file!r} as well. "
                "Give each image an id and a name (without its ending) of its own."
            )
    return by_id


def _labels(file: CocoFile, entries: list[Any]) -> dict[Any, str]:
    """Names of categories by id."""
    labels: dict[Any, str] = {}
    for number, entry in enumerate(entries):
        where = f"{file.path}: category {number}"
        if not _is(entry, dict) or not _is(entry.get("id"), ID) or not _is(entry.get("name"), str):
            file.problems.append(f"{where} has no id or no name: {entry!r:.80}. Add them.")
        elif labels.setdefault(entry["id"], entry["name"]) != entry["name"]:
            file.problems.append(
                f"{where}: id {entry['id']} is {labels[entry['id']]!r} and {entry['name']!r}. Give each its own id."
            )
    return labels


def _add(file: CocoFile, where: str, entry: Any, images: dict[Any, CocoImage], labels: dict[Any, str]) -> None:
    """Add an annotation to its image, or its problem to the image's or the file's."""
    if not _is(entry, dict):
        file.problems.append(f"{where} is {entry!r:.80}; it is a mapping. Export the file again.")
        return
    where += f" (id {entry['id']})" if "id" in entry else ""
    image_id, category_id = entry.get("image_id"), entry.get("category_id")
    image = images.get(image_id) if _is(image_id, ID) else None
    if image is None:
        like = f"; ids of images are like {next(iter(images))!r}" if images else ""
        file.problems.append(f"{where} has the image_id {image_id!r}, which no image has{like}. Correct it.")
    elif not _is(category_id, ID) or category_id not in labels:
        known = ", ".join(f"{number!r} ({name})" for number, name in labels.items()) or "none"
        image.problems.append(f"{where} has the category_id {category_id!r}; categories are {known}. Correct it.")
    else:
        image.entries.append(Entry(f"{where}, {image.file}", labels[category_id], entry))


def text_of(image: CocoImage, with_boxes: bool) -> str:
    """What a file says of an image, without its ids: the same text, the same masks and boxes."""
    said = [
        [label, content.get("segmentation"), content.get("bbox") if with_boxes else None, bool(content.get("iscrowd"))]
        for _, label, content in image.entries or ()
    ]
    return json.dumps([image.size, said], sort_keys=True)


def annotations_of(image: CocoImage, with_boxes: bool) -> tuple[list[Annotation], list[str]]:
    """The annotations of an image, and its problems.

    Args:
        image: one with entries.
        with_boxes: whether the boxes that the file says count; else they are not looked at.
    """
    annotations, problems = [], list(image.problems)
    for location, label, content in image.entries or ():
        try:
            rings, mask = _outline(content.get("segmentation"))
            box = _box(content.get("bbox")) if with_boxes else None
        except ValueError as error:
            problems.append(f"{location}: {error}.")
            continue
        ignored = bool(content.get("iscrowd"))
        annotations.append(Annotation(label, rings, mask, box=box, ignored=ignored, location=location))
    return annotations, problems


def _outline(found: Any) -> tuple[list[list[tuple[float, float]]], dict[str, Any] | None]:
    """Rings, or run lengths, of a `segmentation`; ValueError says what is wrong with it."""
    if found is None or found == []:
        return [], None
    if _is(found, dict):
        return [], found
    form = "a list of polygons [x1, y1, x2, y2, ...], or run lengths {size: [...], counts: ...}. Correct it"
    if not _is(found, list) or not all(_is(ring, list) for ring in found):
        raise ValueError(f"segmentation is {found!r:.80}; it is {form}")
    for ring in found:
        if len(ring) % 2 or len(ring) < 2 * CORNERS or not all(_is(number, int | float) for number in ring):
            raise ValueError(
                f"segmentation holds a polygon of {len(ring)} numbers, {ring!r:.80}; it is {form}: at least {CORNERS} "
                "corners"
            )
    return [list(zip(ring[::2], ring[1::2], strict=True)) for ring in found], None


def _box(found: Any) -> tuple[float, float, float, float] | None:
    if found is None or found == []:
        return None
    if not _is(found, list) or len(found) != 4 or not all(_is(number, int | float) for number in found):
        raise ValueError(f"bbox is {found!r:.80}; it is [left, top, width, height]. Correct it, or leave it out")
    left, top, width, height = found
    return left, top, left + width, top + height
