"""One image in memory with its ground truth, and the one cut that preparation, crops and padding are made of."""

from dataclasses import dataclass

import cv2
import numpy as np

from segsweep.data.geometry import cut_boxes, cut_polygons
from segsweep.data.void import VOID

FILL = (124, 116, 104)  # beyond an image's edge: ImageNet's mean colour, nearly zero once normalised


@dataclass
class Sample:
    """One image with its ground truth, in its own pixels (edges from 0, right and bottom exclusive).

    Attributes:
        image: uint8 (H, W, 3).
        mask: uint8 (H, W), class indices and 255 for void; None for text.
        boxes: float32 (n, 4), x1 y1 x2 y2.
        labels: int64 (n,).
        polygons: float32 (k, 2) each.
        ignored: bool, one a polygon, or one a box where there are no polygons.
    """

    image: np.ndarray
    mask: np.ndarray | None
    boxes: np.ndarray
    labels: np.ndarray
    polygons: list[np.ndarray]
    ignored: np.ndarray

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.image.shape[:2]


def window(sample: Sample, top: int, left: int, height: int, width: int) -> Sample:
    """What is seen through a window, which may reach beyond the image: mean colour and void there.

    Boxes and polygons are clipped; those of which too little stays are dropped (see `geometry`).
    """
    offset = np.float32([left, top])
    boxes, labels, polygons, ignored = sample.boxes, sample.labels, sample.polygons, sample.ignored
    if polygons:
        polygons, keep = cut_polygons([points - offset for points in polygons], height, width)
        ignored = ignored[keep]
    if len(boxes):
        boxes, keep = cut_boxes(boxes - np.tile(offset, 2), height, width)
        labels = labels[keep]
        ignored = ignored if sample.polygons else ignored[keep]
    image = _view(sample.image, top, left, height, width, np.array(FILL, np.uint8))
    mask = None if sample.mask is None else _view(sample.mask, top, left, height, width, VOID)
    return Sample(image, mask, boxes, labels, polygons, ignored)


def _view(array: np.ndarray, top: int, left: int, height: int, width: int, fill) -> np.ndarray:
    """A view where the window lies inside the array, else a filled copy."""
    inside = array[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)]
    if inside.shape[:2] == (height, width):
        return inside
    canvas = np.empty((height, width, *array.shape[2:]), array.dtype)
    canvas[:] = fill
    y, x = max(-top, 0), max(-left, 0)
    canvas[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
    return canvas


def resized(sample: Sample, height: int, width: int) -> Sample:
    """The sample in another size: images by area (linear where enlarged), masks by their nearest pixel."""
    old_height, old_width = sample.size
    if (old_height, old_width) == (height, width):
        return sample
    shrinks = height * width < old_height * old_width
    image = cv2.resize(sample.image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    mask = sample.mask
    if mask is not None:
        mask = cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    factor = np.float32([width / old_width, height / old_height])
    return Sample(
        image,
        mask,
        (sample.boxes * np.tile(factor, 2)).astype(np.float32),
        sample.labels,
        [(points * factor).astype(np.float32) for points in sample.polygons],
        sample.ignored,
    )
