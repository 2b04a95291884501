"""Where on earth the pixels of a GeoTIFF lie.

Source: OGC GeoTIFF Standard 19-008r4, chapter 7.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

SCALE, TIE_POINTS, TRANSFORMATION, KEYS = 33550, 33922, 34264, 34735  # tags
MODEL_TYPE, RASTER_TYPE = 1024, 1025  # keys
CRS_KEYS = {1: 3072, 2: 2048}  # of the model types projected and geographic
PIXEL_IS_POINT = 2
USER_DEFINED = 32767


@dataclass(frozen=True)
class Georeference:
    """The place of an image.

    Attributes:
        matrix: float64 (2, 3), from x, y and 1 in pixels, counted from pixel edges, to coordinates of the reference
            system: easting and northing, or longitude and latitude.
        epsg: number of the coordinate reference system.
    """

    matrix: np.ndarray
    epsg: int

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Points (n, 2) of pixels in coordinates of the reference system."""
        return points @ self.matrix[:, :2].T + self.matrix[:, 2]


def georeference(tags: Mapping[int, Any]) -> Georeference:
    """The place of an image by its tags (see `segsweep.data.image_files.geo_tags`).

    Raises:
        ValueError: they do not say it: what is missing, in words.
    """
    values = {code: value for code, (_, _, value) in tags.items()}
    keys = _keys(values.get(KEYS, ()))
    matrix = _matrix(values)
    if keys.get(RASTER_TYPE) == PIXEL_IS_POINT:  # coordinates are those of the pixels' centers
        matrix[:, 2] -= matrix[:, :2].sum(axis=1) / 2
    epsg = keys.get(CRS_KEYS.get(keys.get(MODEL_TYPE)))
    if epsg in (None, 0, USER_DEFINED):
        raise ValueError("its GeoTIFF tags name no coordinate reference system by an EPSG number")
    return Georeference(matrix, epsg)


def _keys(directory: Sequence[int]) -> dict[int, int]:
    """Keys whose value stands in the directory itself: four numbers a key, after four of the directory."""
    entries = np.asarray(directory, int).reshape(-1, 4)[1:]
    return {int(key): int(value) for key, tag, _, value in entries if tag == 0}


def _matrix(values: Mapping[int, Any]) -> np.ndarray:
    if TRANSFORMATION in values:
        return np.asarray(values[TRANSFORMATION], float).reshape(4, 4)[:2, [0, 1, 3]]
    if SCALE not in values or len(values.get(TIE_POINTS, ())) != 6:
        raise ValueError("its GeoTIFF tags hold neither a transformation nor a scale with one tie point")
    (scale_x, scale_y, *_), (i, j, _, x, y, _) = values[SCALE], values[TIE_POINTS]
    return np.array([[scale_x, 0, x - i * scale_x], [0, -scale_y, y + j * scale_y]], float)
