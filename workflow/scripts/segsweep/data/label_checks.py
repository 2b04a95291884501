"""Boxes, polygons and sizes that cannot be those of their image."""

from pathlib import Path

import numpy as np

from segsweep.data.image_files import orientation
from segsweep.data.image_files.image_file import Reading
from segsweep.data.raw_item import Item


def check_size(item: Item, height: int, width: int, reading: Reading) -> list[str]:
    """A problem where annotations were made for an image of another size: none of their coordinates would fit."""
    if item.size is None or tuple(item.size) == (height, width):
        return []
    return [
        f"{item.labels_place}: says that {item.name!r} has {item.size[1]}x{item.size[0]} pixels (width x height); "
        f"the image has {width}x{height}. {size_remedy(item, tuple(item.size) == (width, height), reading)}"
    ]


def check_boxes(item: Item, boxes: np.ndarray, height: int, width: int) -> list[str]:
    """A problem for each box, of float32 (n, 4), that is empty or does not lie in the image."""
    problems = []
    for number, (left, top, right, bottom) in enumerate(boxes.tolist(), 1):
        if not (0 <= left < right <= width and 0 <= top < bottom <= height):
            kind = "is empty" if right <= left or bottom <= top else "reaches outside of the image"
            written = f"{item.written[number - 1]}, which is " if item.written else ""
            problems.append(
                f"{item.labels_place}: box {number} of {item.name!r} {kind}: {written}left {left:g}, top {top:g}, "
                f"right {right:g}, bottom {bottom:g} (from 0, right and bottom exclusive); the image has "
                f"{width}x{height} pixels. Correct the box."
            )
    return problems


def check_polygons(item: Item, polygons: list[np.ndarray], height: int, width: int) -> list[str]:
    """A problem for each polygon, (k, 2), that is none or lies outside of the image."""
    problems = []
    for number, points in enumerate(polygons, 1):
        beyond = (points.min(0) >= (width, height)).any() or (points.max(0) <= 0).any()
        if len(points) < 3 or not np.isfinite(points).all() or beyond:
            problems.append(
                f"{item.labels_place}: polygon {number} of {item.name!r} has fewer than three corners or lies outside "
                f"of the image of {width}x{height} pixels: {np.round(points, 1).tolist()}. Correct or delete it."
            )
    return problems


def size_remedy(item: Item, transposed: bool, reading: Reading) -> str:
    """What to do about labels that do not have the size of their image."""
    if transposed and isinstance(item.image, Path) and (turned := orientation(item.image, reading)) != 1:
        if reading.orientation == "exif":
            return (
                f"The image is turned by its EXIF orientation ({turned}), and the labels are not: say `orientation: "
                "ignore` in the data set's file if they were drawn on the unturned image."
            )
        return (
            f"The labels fit to the image as its EXIF orientation ({turned}) turns it: leave out `orientation: ignore`."
        )
    return "Export both again, without resizing."
