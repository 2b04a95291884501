"""One image in memory with its ground truth: resized, and cut by a window as preparation, crops and padding do it."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import shapely

from segsweep.data.image_arrays import resized_image
from segsweep.data.void import VOID

VISIBLE_SHARE = 0.25  # of its area; a box or polygon of which less stays visible is dropped


@dataclass
class Sample:
    """One image with its ground truth, in its own pixels (edges from 0, right and bottom exclusive).

    Attributes:
        image: uint8, uint16 or float32 (H, W, C). A tensor, like the mask, where a device augmented it.
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


def window(sample: Sample, top: int, left: int, height: int, width: int, fill: np.ndarray) -> Sample:
    """What is seen through a window, which may reach beyond the image: `fill`, one number a channel, and void there.

    Boxes and polygons are clipped; those of which too little stays are dropped (see `cut_boxes` and `cut_polygons`).
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
    image = _view(sample.image, top, left, height, width, fill)
    mask = None if sample.mask is None else _view(sample.mask, top, left, height, width, VOID)
    return Sample(image, mask, boxes, labels, polygons, ignored)


def _view(array: Any, top: int, left: int, height: int, width: int, fill: Any) -> Any:
    """A view where the window lies inside the array, or tensor, else a filled copy."""
    inside = array[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)]
    if inside.shape[:2] == (height, width):
        return inside
    shape = (height, width, *array.shape[2:])
    canvas = np.empty(shape, array.dtype) if isinstance(array, np.ndarray) else array.new_empty(shape)
    canvas[:] = fill
    y, x = max(-top, 0), max(-left, 0)
    canvas[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
    return canvas


def resized(sample: Sample, height: int, width: int) -> Sample:
    """The sample in another size: images by area (linear where enlarged), masks by their nearest pixel."""
    old_height, old_width = sample.size
    if (old_height, old_width) == (height, width):
        return sample
    image = resized_image(sample.image, height, width)
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


def cut_boxes(
    boxes: np.ndarray, height: int, width: int, share: float = VISIBLE_SHARE
) -> tuple[np.ndarray, np.ndarray]:
    """Boxes clipped to an image.

    Args:
        boxes: (n, 4), x1 y1 x2 y2 in the image's pixels; may reach beyond it.
        height, width: of the image.
        share: least share of a box's area that has to lie in the image.

    Returns:
        float32 (m, 4) of the boxes that stay, and bool (n,) saying which these are.
    """
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    clipped = np.clip(boxes, 0, np.float32([width, height, width, height]))
    area, left = (np.prod(b[:, 2:] - b[:, :2], axis=1, dtype=np.float64) for b in (boxes, clipped))
    keep = (left > 0) & (left >= share * area)
    return clipped[keep], keep


def cut_polygons(
    polygons: list[np.ndarray], height: int, width: int, share: float = VISIBLE_SHARE
) -> tuple[list[np.ndarray], np.ndarray]:
    """Polygons clipped to an image; of a polygon that falls apart the largest piece stays.

    Args:
        polygons: (k, 2) each, in the image's pixels; may reach beyond it.
        height, width: of the image.
        share: least share of a polygon's area that has to lie in the image.

    Returns:
        float32 (k, 2) of each polygon that stays, and bool (n,) saying which these are.
    """
    kept, keep = [], np.zeros(len(polygons), bool)
    edge = np.float32([width, height])
    for i, points in enumerate(polygons):
        if (points >= 0).all() and (points <= edge).all():
            keep[i] = True
            kept.append(np.asarray(points, np.float32))
            continue
        if (points.max(0) <= 0).any() or (points.min(0) >= edge).any():
            continue
        whole = shapely.make_valid(shapely.Polygon(points))
        piece = whole.intersection(shapely.box(0, 0, width, height))
        if piece.area <= 0 or piece.area < share * whole.area:
            continue
        largest = max((part for part in shapely.get_parts(piece) if part.geom_type == "Polygon"), key=lambda p: p.area)
        # The first corner stands again at the end; shapely turns clipped rings, so the order is restored.
        ring = np.asarray(largest.exterior.coords, np.float32)[:-1]
        keep[i] = True
        kept.append(ring if _turns_alike(ring, points) else ring[::-1].copy())
    return kept, keep


def _turns_alike(a: np.ndarray, b: np.ndarray) -> bool:
    return signed_area(a) * signed_area(b) >= 0


def signed_area(points: np.ndarray) -> float:
    """Shoelace area of (k, 2) corners: positive when they go clockwise on the screen (y downwards)."""
    x, y = np.asarray(points, np.float64).T
    return float(0.5 * (np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))))
