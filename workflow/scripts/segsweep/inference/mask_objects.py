"""Objects of a predicted mask: connected components of its classes, and their exact outlines.

Pixels that touch at a corner alone belong to one object (8-connectivity). Coordinates are those of pixel edges: the
outline of a single pixel is a square of side 1.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import shapely
from pycocotools import mask as coco_masks

from segsweep.data.label_masks import unpack
from segsweep.inference.predicted_image import PredictedImage
from segsweep.inference.prediction_formats import Subject


@dataclass(frozen=True)
class MaskObject:
    """A connected component of a class.

    Attributes:
        index: of the class, or label.
        left, top: of its bounding box, in pixels.
        pixels: bool (h, w), its pixels within the bounding box.
        area: pixels.
        score: mean probability of the class over its pixels, 0..1; None where there are no probabilities.
    """

    index: int
    left: int
    top: int
    pixels: np.ndarray
    area: int
    score: float | None


def objects_in(predicted: PredictedImage, subject: Subject) -> Iterator[MaskObject]:
    """The objects of a predicted mask: class by class, in each from top to bottom."""
    for index in subject.objects:
        if subject.task == "multilabel":
            of_class = unpack(predicted.mask, len(subject.classes))[index]
        else:
            of_class = (predicted.mask == index).astype(np.uint8)
        probability = predicted.probability
        if probability is not None:
            probability = probability[0 if subject.task == "binary" else index]
        yield from _components(index, of_class, probability)


def run_lengths(found: MaskObject, size: tuple[int, int]) -> dict[str, Any]:
    """The pixels of an object in an image of so many rows and columns, as COCO's compressed run lengths: column by
    column, runs of 0 and of 1 in turn."""
    height, width = size
    padded = np.pad(found.pixels.T, ((0, 0), (1, 1))).astype(np.int8)
    column, row = np.nonzero(np.diff(padded, axis=1))  # where runs begin and end, in turn
    # A run that goes on at the top of the next column has no end there.
    places, times = np.unique((column + found.left) * height + row + found.top, return_counts=True)
    counts = np.diff(places[times == 1], prepend=0, append=height * width)
    counts = counts[:-1] if counts[-1] == 0 else counts  # the object ends with the image
    encoded = coco_masks.frPyObjects({"size": [height, width], "counts": counts.tolist()}, height, width)
    return {"size": [height, width], "counts": encoded["counts"].decode("ascii")}


def outline(found: MaskObject) -> shapely.MultiPolygon:
    """The outline of an object in its image, exact: rasterised, it gives the object's pixels. Parts that touch at a
    corner alone are polygons of their own; corners lie where it turns, and nowhere else."""
    faces = shapely.get_parts(shapely.polygonize(_border_lines(found.pixels)))  # also the holes, as polygons
    corners = [np.asarray(face.exterior.coords, int) for face in faces]
    # Right below the leftmost of a face's highest corners lies a pixel of the face.
    first = [ring[np.lexsort(ring.T)[0]] for ring in corners]
    inside = [face for face, (x, y) in zip(faces, first, strict=True) if found.pixels[y, x]]
    return shapely.transform(shapely.MultiPolygon(inside), lambda points: points + (found.left, found.top))


def without_holes(polygon: shapely.Polygon) -> list[shapely.Polygon]:
    """Polygons without holes that cover the same area together, for formats that know no holes: cut along vertical
    lines of whole coordinates."""
    if not polygon.interiors:
        return [polygon]
    left, top, right, bottom = polygon.bounds
    middles = sorted((hole.bounds[0] + hole.bounds[2]) // 2 for hole in polygon.interiors)
    cut = middles[len(middles) // 2]  # half of the holes on each side: few cuts lie within each other
    halves = (shapely.box(left, top, cut, bottom), shapely.box(cut, top, right, bottom))
    parts = (part for half in halves for part in shapely.get_parts(polygon.intersection(half)))
    return [one for part in parts if isinstance(part, shapely.Polygon) for one in without_holes(part)]


def _components(index: int, of_class: np.ndarray, probability: np.ndarray | None) -> Iterator[MaskObject]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(of_class, connectivity=8)
    sums = None if probability is None else np.bincount(labels.ravel(), probability.ravel(), count)
    for label in range(1, count):  # 0 is all the rest
        left, top, width, height, area = stats[label].tolist()
        pixels = labels[top : top + height, left : left + width] == label
        yield MaskObject(index, left, top, pixels, area, None if sums is None else float(sums[label] / area))


def _border_lines(pixels: np.ndarray) -> np.ndarray:
    """The lines (n,) between the pixels of a mask (h, w) and all others, each from corner to corner."""
    padded = np.pad(pixels, 1)
    return shapely.linestrings(np.concatenate([_rows(padded), _rows(padded.T)[..., ::-1]]))


def _rows(padded: np.ndarray) -> np.ndarray:
    """Both ends, as x and y (n, 2, 2), of the horizontal lines of a padded mask."""
    edge = padded[:-1] != padded[1:]  # (h + 1, w + 2), of each pixel's width
    left, right = edge[:, :-1], edge[:, 1:]  # of each grid point
    # Where four pixels meet like the squares of a chessboard, lines end and begin.
    crossing = left & right & (padded[:-1, :-1] != padded[:-1, 1:])
    begins, ends = np.argwhere(right & (~left | crossing)), np.argwhere(left & (~right | crossing))
    return np.stack([begins, ends], axis=1)[..., ::-1].astype(float)
