"""Predictions for a mirrored image, brought back to the image as it is."""

from typing import Any

import numpy as np

from segsweep.inference.prediction_options import Flip
from segsweep.text.postprocess import Detections


def flipped_image(pixels: np.ndarray, flip: Flip) -> np.ndarray:
    """(H, W, ...) mirrored; a view."""
    return _along(pixels, flip, axes=(0, 1))


def flipped_back(prediction: Any, size: tuple[int, int], flip: Flip) -> Any:
    """A prediction for a mirrored image, in the form of `Task.predict`, as one for the image itself.

    Args:
        prediction: of a task, without padding.
        size: height and width of the image, in pixels of the prediction.
        flip: how the image was mirrored.
    """
    if not any(flip):
        return prediction
    if isinstance(prediction, Detections):
        return Detections([_polygon(points, size, flip) for points in prediction.polygons], prediction.scores)
    back = dict(prediction)
    back["mask"] = _along(prediction["mask"], flip, axes=(0, 1))
    back["probability"] = _along(prediction["probability"], flip, axes=(1, 2))
    if "boxes" in prediction:
        back["boxes"] = _boxes(prediction["boxes"], size, flip)
    return back


def _along(values: np.ndarray, flip: Flip, axes: tuple[int, int]) -> np.ndarray:
    return np.flip(values, [axis for axis, turned in zip(axes, flip, strict=True) if turned])


def _boxes(boxes: np.ndarray, size: tuple[int, int], flip: Flip) -> np.ndarray:
    """Corners x1 y1 x2 y2: of a mirrored box, left and right change places, or top and bottom."""
    (height, width), (upside_down, mirrored) = size, flip
    back = boxes.copy()
    if mirrored:
        back[:, [0, 2]] = width - boxes[:, [2, 0]]
    if upside_down:
        back[:, [1, 3]] = height - boxes[:, [3, 1]]
    return back


def _polygon(points: np.ndarray, size: tuple[int, int], flip: Flip) -> np.ndarray:
    """Corners (k, 2), in the same sense of rotation as before."""
    (height, width), (upside_down, mirrored) = size, flip
    back = points.copy()
    if mirrored:
        back[:, 0] = width - points[:, 0]
    if upside_down:
        back[:, 1] = height - points[:, 1]
    return back if mirrored == upside_down else back[::-1].copy()
