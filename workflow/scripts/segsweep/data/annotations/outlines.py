"""Outlines of what annotation tools draw with a few numbers: rectangles, ellipses, lines.

Coordinates are those of pixel edges (see `segsweep.data.raw_item`).
"""

import math
from collections.abc import Sequence

import numpy as np
import shapely

TOLERANCE = 0.05  # pixels between a curve and the corners that stand for it


def rectangle(left: float, top: float, right: float, bottom: float, rotation: float = 0.0) -> np.ndarray:
    """float64 (4, 2), clockwise on the screen from the corner left, top; rotated so by degrees about its center."""
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float64)
    return _rotated(corners, np.array([(left + right) / 2, (top + bottom) / 2]), rotation)


def ellipse(x: float, y: float, radius_x: float, radius_y: float, rotation: float = 0.0) -> np.ndarray:
    """float64 (k, 2), rotated clockwise on the screen by degrees; no point lies further than `TOLERANCE` inside."""
    sagitta = TOLERANCE / max(radius_x, radius_y, TOLERANCE)
    corners = max(8, math.ceil(math.pi / math.acos(1 - sagitta)))
    angles = np.arange(corners) * 2 * np.pi / corners
    center = np.array([x, y], np.float64)
    return _rotated(center + np.stack([radius_x * np.cos(angles), radius_y * np.sin(angles)], 1), center, rotation)


def line(kind: str, points: Sequence[Sequence[float]], width: float | None) -> list[np.ndarray]:
    """Of a line with round ends and joints a ring (k, 2) for each of its segments, which overlap at the joints.

    Raises:
        ValueError: nobody says how wide lines are; it names the `kind` of this one.
    """
    if width is None:
        raise ValueError(
            f"is a {kind}, which covers no pixel. Say how wide lines are with `line_width`, in pixels, or delete it"
        )
    points = np.asarray(points, np.float64)
    return [
        np.asarray(shapely.LineString(segment).buffer(width / 2).exterior.coords[:-1])
        for segment in np.stack([points[:-1], points[1:]], 1)
    ]


def _rotated(points: np.ndarray, center: np.ndarray, degrees: float) -> np.ndarray:
    if not degrees:
        return points
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return (points - center) @ np.array([[cosine, sine], [-sine, cosine]]) + center
