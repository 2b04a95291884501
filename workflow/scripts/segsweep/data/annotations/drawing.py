"""Masks and boxes of an image, drawn from its annotations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from segsweep.data.annotations.annotation import Annotation, Box, extents
from segsweep.data.annotations.label_table import NO_LABEL, LabelTable
from segsweep.data.annotations.run_lengths import mask_array

if TYPE_CHECKING:  # planning imports readers, and does without numpy
    import numpy as np


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
        lefts, tops, rights, bottoms = zip(*(_box(one.in_pixels(height, width)) for one in parts), strict=True)
        right, bottom = min(max(rights), float(width)), min(max(bottoms), float(height))
        found.append((max(min(lefts), 0.0), max(min(tops), 0.0), right, bottom))
    return found


def _box(annotation: Annotation) -> Box:
    """The box of an annotation in pixels: its own, else the extents of rings and mask."""
    import numpy as np

    if annotation.box is not None:
        return annotation.box
    corners = list(annotation.rings)
    if annotation.mask is not None:
        rows, columns = (np.flatnonzero(mask_array(annotation.mask).any(axis)) for axis in (1, 0))
        first, last = (columns[0], rows[0]), (columns[-1] + 1, rows[-1] + 1)
        corners.append(np.array([first, last], np.float64) + annotation.corner)
    return extents(np.concatenate(corners))


def regions(annotation: Annotation, height: int, width: int) -> Iterator[tuple[tuple[slice, slice], np.ndarray]]:
    """Windows of the image, and bool (h, w) of the pixels in each that an annotation covers: of its rings, of its mask.

    Small windows of a large image: what is drawn takes the time of the objects, not of the image for each of them.
    """
    import numpy as np
    from pycocotools import mask as coco

    if rings := annotation.in_pixels(height, width).rings:
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
