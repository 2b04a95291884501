"""Transforms of albumentations, put right where they move boxes and polygons by other distances than the image, or
cannot fill new pixels.

albumentations counts from the centre of the first pixel, and OpenCV resizes from its edge: points that are only
multiplied by the scale end up (scale - 1) / 2 pixels away from the image, and the nearest pixel of a resized mask is by
default rounded down. Points under distortions are looked up in a map of whole pixels, off by up to a pixel, or more
where the map has holes. Where OpenCV makes new pixels, it takes their values for four channels and no more.
"""

from typing import Any

import albumentations as A
import cv2
import numpy as np

HALF = 0.5
STEPS = 50  # of the search where a distortion moves a point to
FILLED_AT_ONCE = 4  # channels


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


class FilledInParts:
    """Images of more channels than OpenCV can fill at once, four channels after the other."""

    def apply(self, img: np.ndarray, **params: Any) -> np.ndarray:
        """The image (H, W, C) transformed. `self.fill` holds the values of all channels, as arguments say or not."""
        if np.ndim(self.fill) == 0:
            return super().apply(img, **params)
        fill, parts = self.fill, []
        for start in range(0, img.shape[2], FILLED_AT_ONCE):
            part = slice(start, start + FILLED_AT_ONCE)
            self.fill = fill[part]
            parts.append(super().apply(np.ascontiguousarray(img[..., part]), **params))
        self.fill = fill
        return np.concatenate([part.reshape(*part.shape[:2], -1) for part in parts], axis=2)


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
