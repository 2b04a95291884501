"""What a reader yields: one picture and what is known about it, still in files or already in memory."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


def _no_boxes() -> np.ndarray:
    return np.zeros((0, 4), np.float32)


def _no_labels() -> np.ndarray:
    return np.zeros(0, np.int64)


def _nothing_ignored() -> np.ndarray:
    return np.zeros(0, bool)


@dataclass
class Item:
    """One picture with its truth, in the picture's own pixels.

    Coordinates are those of pixel edges: 0-based, x to the right and y downwards, the pixel in row 0 and
    column 0 reaching from 0 to 1. So the right and bottom of a box are exclusive.

    Attributes:
        name: unique in its split.
        image: file, or uint8 (H, W, 3) RGB.
        mask: file, or (H, W) of the values that the data set's `classes` and `void` speak of; None for text.
        boxes: float32 (n, 4), x1 y1 x2 y2.
        labels: int64 (n,), 0-based over the classes without background.
        polygons: float32 (k, 2) each, x y of its corners.
        ignored: bool, one a polygon, or one a box where there are no polygons: counts neither for nor against.
        place: where the item is named ("train.txt:17"), for problems.
        truth: file of the boxes or polygons, for problems.
        problems: what the reader found wrong; reported together with all others before anything is trained.
    """

    name: str
    image: Path | np.ndarray
    mask: Path | np.ndarray | None = None
    boxes: np.ndarray = field(default_factory=_no_boxes)
    labels: np.ndarray = field(default_factory=_no_labels)
    polygons: list[np.ndarray] = field(default_factory=list)
    ignored: np.ndarray = field(default_factory=_nothing_ignored)
    place: str = ""
    truth: Path | None = None
    problems: list[str] = field(default_factory=list)
