"""Annotations: outlines, masks and boxes with the name of a label each, checked and drawn.

Readers of files that hold such annotations collect an `AnnotatedImage` for each image, and `annotated_items` makes
items of them. Coordinates are those of pixel edges, as in `segsweep.data.raw_item`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from segsweep.config.annotated_dataset import AnnotatedDataset
from segsweep.config.yaml_documents import nearest
from segsweep.data.image_sources import Source, no_such_image
from segsweep.data.label_table import NO_LABEL, LabelTable, label_table
from segsweep.data.raw_item import Item
from segsweep.data.run_lengths import mask_array, mask_size
from segsweep.errors import InputError
from segsweep.formatting import plural

if TYPE_CHECKING:  # planning imports readers, and does without numpy
    import numpy as np

BEYOND = 0.02  # share of the longer side by which an outline may reach beyond the image; tools let hands slip

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Annotation:
    """One object of an image, or a part of one. What it covers is the union of its rings, and its mask.

    Attributes:
        label: its name in the file.
        rings: corners of polygons, (k, 2) of x and y each; a ring that crosses itself covers what pycocotools fills.
        mask: bool (h, w), or, of the whole image, COCO's run lengths {"size": [height, width], "counts": list or
            compressed text}.
        corner: column and row of the image in which the first column and row of a mask (h, w) lie.
        box: left, top, right, bottom, as the file has it; without one, the extents of what is covered.
        group: annotations of one label and group are one object, with one box; None for an object by itself.
        ignored: its box counts neither for nor against (a crowd, a difficult object).
        relative: coordinates are shares of the image's width and height.
        cut_off: rings may reach beyond the image, as those of a circle at its edge do, where no hand slipped.
        location: where it stands, for problems: "a.json: annotation 17".
    """

    label: str
    rings: Sequence = ()
    mask: np.ndarray | dict | None = None
    corner: tuple[int, int] = (0, 0)
    box: Box | None = None
    group: float | str | None = None
    ignored: bool = False
    relative: bool = False
    cut_off: bool = False
    location: str = ""


@dataclass(frozen=True)
class AnnotatedImage:
    """An image as a reader finds it.

    Attributes:
        name, image, size, location, labels_file, problems: as of `Item`.
        annotations: in the order in which they are drawn, a later one over an earlier one; None where the image has no
            file of annotations, as in a test split whose labels are kept secret.
    """

    name: str
    image: Path | Callable[[], np.ndarray | bytes]
    annotations: Sequence[Annotation] | None
    size: tuple[int, int] | None = None
    location: str = ""
    labels_file: Path | None = None
    problems: Sequence[str] = ()


def annotated_items(dataset: AnnotatedDataset, images: dict[str, list[AnnotatedImage]]) -> dict[str, list[Item]]:
    """Items of each split, with masks that are drawn from annotations, and boxes for the task `multitask`.

    What is wrong with labels stands in the items' `problems`: a label that means nothing once for the whole data set.
    What is wrong with outlines follows when the size of the image is known.

    Raises:
        InputError: as `class_table`.
    """
    table = label_table(dataset)
    places: dict[str, list[str]] = {}  # of labels that mean nothing
    for image in chain.from_iterable(images.values()):
        for one in image.annotations or ():
            if table.value(one.label) is None:
                places.setdefault(one.label, []).append(one.location)
    return {split: [_item(dataset, table, image, places) for image in members] for split, members in images.items()}


def _item(dataset: AnnotatedDataset, table: LabelTable, image: AnnotatedImage, places: dict[str, list[str]]) -> Item:
    """An item; the labels that mean nothing are taken out of `places` by the first image that has them."""
    item = Item(
        image.name,
        image.image,
        size=image.size,
        location=image.location,
        labels_file=image.labels_file,
        problems=list(image.problems),
    )
    if image.annotations is None:
        return item
    for label in dict.fromkeys(one.label for one in image.annotations):
        if found := places.pop(label, None):
            item.problems.append(_unknown_label(label, found, table))
    known = [one for one in image.annotations if table.value(one.label) is not None]
    item.mask = partial(_checked_mask, known, table, dataset.overlaps == "smaller")
    if dataset.task == "multitask":
        objects = _objects([one for one in known if one.label in table.boxes])
        item.boxes = partial(boxes, objects)
        item.labels = [table.boxes[parts[0].label] for parts in objects]
        item.ignored = [all(part.ignored for part in parts) for parts in objects]
    return item


def unknown_image(name: str, location: str, source: Source) -> AnnotatedImage:
    """An image that a list or table names, but its source does not: opening it says so."""
    return AnnotatedImage(name, partial(no_such_image, name, location, source), (), location=location)


def _objects(annotations: Sequence[Annotation]) -> list[list[Annotation]]:
    """The parts of each object."""
    found: dict[tuple, list[Annotation]] = {}
    for number, one in enumerate(annotations):
        key = (number,) if one.group is None else (one.label, one.group)
        found.setdefault(key, []).append(one)
    return list(found.values())


def _unknown_label(label: str, places: list[str], table: LabelTable) -> str:
    more = f" and {plural(len(places) - 1, 'further annotation')}" if len(places) > 1 else ""
    return (
        f"{places[0]}{more}: the label {label!r} means nothing in this data set. {nearest(label, table.values)} "
        "Correct it, or add it to `classes`, `background_labels` or `void_labels`."
    )


def _checked_mask(
    annotations: Sequence[Annotation], table: LabelTable, smaller_last: bool, height: int, width: int
) -> np.ndarray:
    if problems := [problem for one in annotations for problem in check(one, height, width)]:
        raise InputError(*problems)
    return draw(annotations, height, width, table, smaller_last)


def check(annotation: Annotation, height: int, width: int) -> list[str]:
    """Problems of an annotation in an image of this size: what covers nothing, and what lies outside."""
    import numpy as np

    from segsweep.text.geometry import shape

    of_label = f"{annotation.location}: {annotation.label!r}"
    if not len(annotation.rings) and annotation.mask is None:
        found = "a box but no outline" if annotation.box else "no outline"
        return [f"{of_label} has {found}; masks are drawn from polygons or run lengths. Add one, or delete it."]
    pixels = _in_pixels(annotation, height, width)
    problems = []
    for number, ring in enumerate(pixels.rings, 1):
        which = f"{of_label}, polygon {number}," if len(pixels.rings) > 1 else of_label
        points = np.asarray(ring, np.float64).reshape(-1, 2)
        no_area = f"{which} has {plural(len(points), 'corner')} and no area. Correct or delete it."
        if not len(points):
            problems.append(no_area)
        elif not np.isfinite(points).all():
            problems.append(f"{which} has corners that are not finite numbers. Correct or delete it.")
        elif outside := _outside(which, _bounds(points), height, width, annotation.cut_off):
            problems += outside
        elif shape(points).area == 0:
            problems.append(no_area)
    problems += _mask_problems(annotation, height, width)
    if pixels.box is not None:
        left, top, right, bottom = pixels.box
        if not (left < right and top < bottom):
            problems.append(
                f"{of_label} has an empty box: x {left:g} to {right:g}, y {top:g} to {bottom:g}. Correct it."
            )
        else:
            problems += _outside(f"{of_label}, its box,", pixels.box, height, width)
    return problems


def _bounds(points: np.ndarray) -> Box:
    return (*points.min(0).tolist(), *points.max(0).tolist())


def _outside(which: str, extents: Box, height: int, width: int, cut_off: bool = False) -> list[str]:
    left, top, right, bottom = extents
    slip = max(1.0, (1 if cut_off else BEYOND) * max(height, width))
    if -slip <= left < width and -slip <= top < height and 0 < right <= width + slip and 0 < bottom <= height + slip:
        return []
    return [
        f"{which} reaches from x {left:g}, y {top:g} to x {right:g}, y {bottom:g}; the image has {width}x{height} "
        "pixels. Correct or delete it; was the image resized or turned since?"
    ]


def _mask_problems(annotation: Annotation, height: int, width: int) -> list[str]:
    mask, (left, top), where = annotation.mask, annotation.corner, annotation.location
    if mask is None:
        return []
    try:
        rows, columns = mask_size(mask)
        if isinstance(mask, dict) and (rows, columns) != (height, width):
            return [
                f"{where}: the run lengths of {annotation.label!r} are those of {columns}x{rows} pixels (width x "
                f"height), the image has {width}x{height}. Export it again for this image."
            ]
        if left < 0 or top < 0 or left + columns > width or top + rows > height:
            return [
                f"{where}: the mask of {annotation.label!r} has {columns}x{rows} pixels from x {left}, y {top}, which "
                f"do not lie in the image of {width}x{height} pixels. Export it again for this image."
            ]
        if mask_array(mask).any():
            return []
    except ValueError as error:
        return [f"{where}: the mask of {annotation.label!r} cannot be read: {error}. Export it again."]
    return [f"{where}: the mask of {annotation.label!r} covers no pixel. Correct or delete it."]


def draw(
    annotations: Sequence[Annotation], height: int, width: int, table: LabelTable, smaller_last: bool = False
) -> np.ndarray:
    """The mask of an image, in values of the data set's `classes` and `void`.

    Later annotations cover earlier ones, or smaller ones larger ones; void covers all. A pixel belongs to a polygon as
    pycocotools has it.

    Returns:
        uint8 (H, W), or (H, W, C) of a multilabel task: 1 where a pixel has the label, 0 where not, or void.

    Raises:
        ValueError: run lengths that are not those of their size.
    """
    import numpy as np

    if smaller_last:
        annotations = sorted(annotations, key=lambda one: -_area(one, height, width))
    void_last = sorted(annotations, key=lambda one: table.value(one.label) == table.void)
    if not table.channels:
        mask = np.full((height, width), table.unannotated, np.uint8)
        for one in void_last:
            for window, covered in regions(one, height, width):
                mask[window][covered] = table.value(one.label)
        return mask
    mask = np.zeros((height, width, table.channels), np.uint8)
    annotated = np.full((height, width), table.unannotated == NO_LABEL)
    for one in void_last:
        value = table.value(one.label)
        for window, covered in regions(one, height, width):
            annotated[window] |= covered
            if value == table.void:
                mask[window][covered] = table.void
            elif value != NO_LABEL:
                mask[window][covered, value] = 1
    mask[~annotated] = table.void
    return mask


def boxes(objects: Sequence[Sequence[Annotation]], height: int, width: int) -> list[Box]:
    """Left, top, right and bottom of each object, of all of its parts, cut off at the image's edges."""
    found = []
    for parts in objects:
        lefts, tops, rights, bottoms = zip(*(_extents(_in_pixels(one, height, width)) for one in parts), strict=True)
        right, bottom = min(max(rights), float(width)), min(max(bottoms), float(height))
        found.append((max(min(lefts), 0.0), max(min(tops), 0.0), right, bottom))
    return found


def _extents(annotation: Annotation) -> Box:
    """The box of an annotation, in pixels: its own, else the extents of rings and mask."""
    import numpy as np

    if annotation.box is not None:
        return annotation.box
    corners = [np.asarray(ring, np.float64).reshape(-1, 2) for ring in annotation.rings]
    if annotation.mask is not None:
        rows, columns = (np.flatnonzero(mask_array(annotation.mask).any(axis)) for axis in (1, 0))
        first, last = (columns[0], rows[0]), (columns[-1] + 1, rows[-1] + 1)
        corners.append(np.array([first, last], np.float64) + annotation.corner)
    return _bounds(np.concatenate(corners))


def regions(annotation: Annotation, height: int, width: int) -> Iterator[tuple[tuple[slice, slice], np.ndarray]]:
    """Windows of the image, and bool (h, w) of the pixels in each that an annotation covers: of its rings, of its mask.

    Small windows of a large image: what is drawn takes the time of the objects, not of the image for each of them.
    """
    import numpy as np
    from pycocotools import mask as coco

    rings = [np.asarray(ring, np.float64).reshape(-1, 2) for ring in _in_pixels(annotation, height, width).rings]
    if rings:
        points = np.concatenate(rings)
        left, top = np.clip(np.floor(points.min(0)), 0, (width - 1, height - 1)).astype(int).tolist()
        right, bottom = np.clip(np.ceil(points.max(0)) + 1, 1, (width, height)).astype(int).tolist()
        size = [bottom - top, right - left]
        corners = [(ring - (left, top)).ravel().tolist() for ring in rings]
        runs = coco.merge(coco.frPyObjects(corners, *size))
        covered = mask_array({"size": size, "counts": runs["counts"].decode()})
        yield (slice(top, bottom), slice(left, right)), covered
    if annotation.mask is not None:
        covered, (left, top) = mask_array(annotation.mask), annotation.corner
        yield (slice(top, top + covered.shape[0]), slice(left, left + covered.shape[1])), covered


def _area(annotation: Annotation, height: int, width: int) -> int:
    """Pixels that an annotation covers; those of its rings and of its mask as well count twice."""
    return sum(int(covered.sum()) for _, covered in regions(annotation, height, width))


def _in_pixels(annotation: Annotation, height: int, width: int) -> Annotation:
    """The annotation with coordinates in pixels."""
    import numpy as np

    if not annotation.relative:
        return annotation
    scale = np.array([width, height], np.float64)
    rings = [np.asarray(ring, np.float64).reshape(-1, 2) * scale for ring in annotation.rings]
    box = annotation.box and tuple((np.reshape(annotation.box, (2, 2)) * scale).ravel().tolist())
    return replace(annotation, rings=rings, box=box, relative=False)
