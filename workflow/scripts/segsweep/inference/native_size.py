"""A prediction in the size that the network saw, brought to the image's own."""

from typing import Any

import cv2
import numpy as np

from segsweep.config.dataset_keys import BY_LABEL
from segsweep.inference.predicted_image import PredictedImage
from segsweep.inference.unseen_images import UnseenImage
from segsweep.inference.voting import mean_labels, mean_masks
from segsweep.text.postprocess import Detections


def in_native_size(
    image: UnseenImage, found: Any, size: tuple[int, int], task: str, *, smooth: bool = False
) -> PredictedImage:
    """The prediction of an image at its own resolution.

    Args:
        image: what was looked at.
        found: a prediction in the form of `Task.predict`, without padding.
        size: height and width that it has.
        task: of the data set.
        smooth: whether masks follow from probabilities interpolated to the image's size. Else mask and probabilities
            are those of the nearest pixel that the network saw: where the image is the larger one, its mask taken back
            to that size is the network's own, to the bit.
    """
    height, width = image.pixels.shape[:2]
    factor = np.array([width / size[1], height / size[0]])
    whole = PredictedImage(image.name, (height, width), tags=image.tags)
    if isinstance(found, Detections):
        whole.polygons = [(points * factor).astype(np.float32) for points in found.polygons]
        whole.scores = np.asarray(found.scores, np.float32)
        return whole
    whole.mask, whole.probability = found["mask"], found["probability"]
    if size != (height, width):
        how = cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST_EXACT
        whole.probability = np.stack([_sized(channel, height, width, how) for channel in found["probability"]])
        if smooth:
            decide = mean_labels if task in BY_LABEL else mean_masks
            whole.mask, _ = decide(whole.probability[None])
        else:
            whole.mask = _sized(found["mask"], height, width, how)
    whole.mask, whole.probability = map(np.ascontiguousarray, (whole.mask, whole.probability))
    if "boxes" in found:
        whole.boxes = (found["boxes"] * np.tile(factor, 2)).astype(np.float32)
        whole.labels, whole.scores = found["labels"], found["scores"]
    return whole


def _sized(values: np.ndarray, height: int, width: int, how: int) -> np.ndarray:
    return cv2.resize(np.ascontiguousarray(values), (width, height), interpolation=how)
