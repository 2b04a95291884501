"""Polygons: areas, offsets, overlaps, rotated boxes.

A polygon is an array (k, 2) of x, y in pixels. Everywhere outside of drawing, these are coordinates of pixel edges, as
in `segsweep.data.raw_item`; OpenCV draws and traces by pixel centres, which lie HALF a pixel further.
"""

import cv2
import numpy as np
import pyclipper
import shapely

HALF = 0.5
SCALE = 1000  # pyclipper computes with whole numbers: thousandths of a pixel


def shape(polygon: np.ndarray) -> shapely.Geometry:
    """The polygon (k, 2) as a valid shapely geometry; empty if it has fewer than three points or no area.

    A polygon that crosses itself becomes the area that its edges enclose.
    """
    points = np.asarray(polygon, dtype=np.float64).reshape(-1, 2)
    if len(points) < 3:
        return shapely.Polygon()
    drawn = shapely.Polygon(points)
    if not drawn.is_valid:
        drawn = shapely.make_valid(drawn)
    return drawn if drawn.area > 0 else shapely.Polygon()


def shapes(polygons: list[np.ndarray]) -> np.ndarray:
    """Array (n,) of geometries of `polygons`."""
    out = np.empty(len(polygons), dtype=object)
    for i, polygon in enumerate(polygons):
        out[i] = shape(polygon)
    return out


def shrink_distance(polygon: np.ndarray, ratio: float) -> float:
    """Pixels by which a polygon is shrunk and grown for the targets: area * (1 - ratio^2) / perimeter.

    Source: Liao et al. 2020, "Real-time scene text detection with differentiable binarization", eq. 10
    (after Vatti 1992). 0 for a polygon without area.
    """
    drawn = shape(polygon)
    return drawn.area * (1 - ratio**2) / drawn.length if drawn.area else 0.0


def unclip_distance(polygon: np.ndarray, ratio: float) -> float:
    """Pixels by which a detected, shrunk polygon is grown: area * ratio / perimeter (Liao et al. 2020, eq. 11)."""
    drawn = shape(polygon)
    return drawn.area * ratio / drawn.length if drawn.area else 0.0


def offset(polygon: np.ndarray, distance: float) -> list[np.ndarray]:
    """The polygon (k, 2) grown by `distance` pixels (shrunk, if negative), corners rounded.

    Returns float32 polygons (m, 2): none if nothing is left, several if shrinking tears it apart.
    """
    whole = np.round(np.asarray(polygon, dtype=np.float64) * SCALE).astype(np.int64)
    if len(whole) < 3:
        return []
    tool = pyclipper.PyclipperOffset(2.0, 0.05 * SCALE)  # arcs are at most a twentieth of a pixel off
    try:
        tool.AddPath(whole.tolist(), pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON)
    except pyclipper.ClipperException:  # no area: nothing to grow
        return []
    return [np.asarray(path, dtype=np.float32) / SCALE for path in tool.Execute(distance * SCALE)]


def rotated_box(points: np.ndarray) -> tuple[np.ndarray, float]:
    """The smallest rotated rectangle around points (k, 2).

    Returns its corners, float32 (4, 2), clockwise on screen from the upper one of the two leftmost, and its shorter
    side in pixels.
    """
    rectangle = cv2.minAreaRect(np.asarray(points, dtype=np.float32).reshape(-1, 1, 2))
    corners = cv2.boxPoints(rectangle)
    corners = corners[np.argsort(corners[:, 0], kind="stable")]
    left, right = (pair[np.argsort(pair[:, 1], kind="stable")] for pair in (corners[:2], corners[2:]))
    return np.stack([left[0], right[0], right[1], left[1]]).astype(np.float32), float(min(rectangle[1]))


def intersections(a: list[np.ndarray], b: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Areas of overlap of each of `a` with each of `b`: float64 (n, m), and the areas of both, (n,) and (m,)."""
    first, second = shapes(a), shapes(b)
    overlap = np.zeros((len(first), len(second)))
    if len(first) and len(second):
        i, j = shapely.STRtree(second).query(first, predicate="intersects")
        overlap[i, j] = shapely.area(shapely.intersection(first[i], second[j]))
    areas = (np.array([g.area for g in group], dtype=np.float64) for group in (first, second))
    return overlap, *areas


def iou(a: list[np.ndarray], b: list[np.ndarray]) -> np.ndarray:
    """Intersection over union of each of `a` with each of `b`: float64 (n, m); 0 where neither has an area."""
    overlap, area_a, area_b = intersections(a, b)
    union = area_a[:, None] + area_b[None, :] - overlap
    return np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0)


def covered(a: list[np.ndarray], b: list[np.ndarray]) -> np.ndarray:
    """Share of the area of each of `a` that lies in each of `b`: float64 (n, m), 0..1; 0 where it has no area."""
    overlap, area, _ = intersections(a, b)
    return np.divide(overlap, area[:, None], out=np.zeros_like(overlap), where=area[:, None] > 0)
