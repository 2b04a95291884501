"""Transforms of albumentations that move boxes and polygons by other distances than the image, put right.

albumentations counts from the centre of the first pixel, and OpenCV resizes from its edge: points that are only
multiplied by the scale end up (scale - 1) / 2 pixels away from the image, and the nearest pixel of a resized mask is by
default rounded down. Points under distortions are looked up in a map of whole pixels, off by up to a pixel, or more
where the map has holes.
"""

from typing import Any

import albumentations as A
import cv2
import numpy as np

HALF = 0.5
STEPS = 50  # of the search where a distortion moves a point to


class Scaled:
    """Points follow the sizes before and after, which are rounded, from the edge of the first pixel."""

    def apply_to_keypoints(self, keypoints: np.ndarray, **params: Any) -> np.ndarray:
        """(n, 5), of which the first columns are x and y from the first pixel's centre."""
        before = params["shape"][:2]
        after = self.apply(np.zeros(before, np.uint8), **params).shape[:2]
        return with_points(keypoints, (keypoints[:, :2] + HALF) * np.divide(after, before)[::-1] - HALF)


class CroppedAndScaled:
    """Points are cropped and scaled from the edge of the first pixel."""

    def apply_to_keypoints(self, keypoints: np.ndarray, **params: Any) -> np.ndarray:
        """As above."""
        moved = super().apply_to_keypoints(with_points(keypoints, keypoints[:, :2] + HALF), **params)
        return with_points(moved, moved[:, :2] - HALF)


class Distorted:
    """Points go to where the map, which says of each new pixel where it comes from, leads back to them."""

    def apply_to_keypoints(self, keypoints: np.ndarray, map_x: np.ndarray, map_y: np.ndarray, **_: Any) -> np.ndarray:
        """As above. Fixed-point iteration; it converges where the distortion folds nothing over."""
        rows, columns = np.indices(map_x.shape, dtype=np.float32)
        shifts = np.stack([map_x - columns, map_y - rows], axis=-1).astype(np.float32)
        wanted = keypoints[:, :2].astype(np.float32)
        found = wanted
        for _step in range(STEPS):
            there = cv2.remap(shifts, found[:, None], None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            found = wanted - there[:, 0]
        return with_points(keypoints, found)


def with_points(keypoints: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Keypoints with other x and y."""
    return np.concatenate([points, keypoints[:, 2:]], axis=1).astype(keypoints.dtype)


class RandomScale(Scaled, A.RandomScale):
    """albumentations', its points put right; so are those below."""


class Resize(Scaled, A.Resize):
    """See above."""


class LongestMaxSize(Scaled, A.LongestMaxSize):
    """See above."""


class SmallestMaxSize(Scaled, A.SmallestMaxSize):
    """See above."""


class RandomResizedCrop(CroppedAndScaled, A.RandomResizedCrop):
    """See above."""


class RandomSizedCrop(CroppedAndScaled, A.RandomSizedCrop):
    """See above."""


class CropAndPad(CroppedAndScaled, A.CropAndPad):
    """See above."""


class ElasticTransform(Distorted, A.ElasticTransform):
    """See above."""


class GridDistortion(Distorted, A.GridDistortion):
    """See above."""


class OpticalDistortion(Distorted, A.OpticalDistortion):
    """See above."""
