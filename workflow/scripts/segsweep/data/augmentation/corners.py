"""Boxes and polygons of a sample as points, which a pipeline moves, and back again."""

import numpy as np

from segsweep.data.sample import Sample

CORNERS = np.array([[0, 1], [2, 1], [2, 3], [0, 3]])  # of a box x1 y1 x2 y2


def corners_of(sample: Sample) -> np.ndarray:
    """The corners of all boxes, then of all polygons, float32 (n, 2), x and y from the image's edge."""
    return np.concatenate(_parts(sample))


def with_corners(sample: Sample, image: np.ndarray, mask: np.ndarray | None, points: np.ndarray) -> Sample:
    """The sample with another image and mask, and its corners elsewhere.

    A box becomes the box around its corners. It and polygons may reach beyond the image: `sample.window` cuts them.
    """
    counts = [len(part) for part in _parts(sample)]
    corners, *polygons = np.split(points.astype(np.float32), np.cumsum(counts)[:-1])
    corners = corners.reshape(-1, 4, 2)
    boxes = np.concatenate([corners.min(1), corners.max(1)], axis=1) if len(corners) else sample.boxes
    return Sample(image, mask, boxes, sample.labels, polygons, sample.ignored)


def _parts(sample: Sample) -> list[np.ndarray]:
    return [sample.boxes[:, CORNERS].reshape(-1, 2), *sample.polygons]
