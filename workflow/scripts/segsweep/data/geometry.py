"""Boxes and polygons cut by a window: what stays, and what is dropped."""

import numpy as np
import shapely

from segsweep.data.void import VOID as VOID

VISIBLE_SHARE = 0.25  # of its area; a box or polygon of which less stays visible is dropped


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
