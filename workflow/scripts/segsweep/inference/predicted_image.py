"""What models predict of one image of any size, in the size that the image has in its file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class PredictedImage:
    """A prediction at the image's own resolution; what the task does not have is None, or empty.

    Attributes:
        name: of the image: its path within the folder of images, without its ending.
        size: height and width in pixels.
        mask: uint8 (H, W), indices of the classes (of the task multilabel, labels as bits; see
            `segsweep.data.label_masks`).
        probability: float32 (C, H, W), 0..1; one channel is that of a binary task's foreground.
        boxes, labels, scores: float32 (n, 4) corners x1 y1 x2 y2 in pixels, int64 (n,) indices over the classes
            without background, float32 (n,) 0..1.
        polygons: of the task text float32 (k, 2) each, in pixels; `scores` is one for each.
        file: path of its file within the folder of images; empty where there is no such file.
        tags: GeoTIFF tags of its file, by code (see `segsweep.data.image_files.geo_tags`); empty where it has none.
    """

    name: str
    size: tuple[int, int]
    mask: np.ndarray | None = None
    probability: np.ndarray | None = None
    boxes: np.ndarray | None = None
    labels: np.ndarray | None = None
    scores: np.ndarray | None = None
    polygons: list[np.ndarray] = field(default_factory=list)
    file: str = ""
    tags: Mapping[int, Any] = field(default_factory=dict)
