"""What a reader yields: one image and what is known about it, still in files or already in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # planning imports readers, and does without numpy
    import numpy as np


@dataclass
class Item:
    """One image with its ground truth, in the image's own pixels.

    Coordinates are those of pixel edges: 0-based, x to the right and y downwards, the pixel in row 0 and
    column 0 reaching from 0 to 1. So the right and bottom of a box are exclusive.

    Attributes:
        name: unique in its split.
        image: file, or uint8 (H, W, 3) RGB.
        mask: file, or array (H, W) of class values as the data set writes them; None for text. Of several labels a
            pixel a file for each label, or an .npy file or array (H, W, C).
        boxes: (left, top, right, bottom) of each object, in pixels; a list or an array (n, 4).
        labels: of the boxes, 0-based over the classes without background.
        polygons: (x, y) of the corners of each, in pixels; lists or arrays (k, 2).
        ignored: for each box or polygon: counts neither for nor against.
        location: where the item is named ("train.txt:17"), for problems.
        labels_file: file of the boxes or polygons, for problems.
        problems: what the reader found wrong; reported together with all others before anything is trained.
    """

    name: str
    image: Path | np.ndarray
    mask: Path | list[Path] | np.ndarray | None = None
    boxes: Sequence = ()
    labels: Sequence[int] = ()
    polygons: Sequence = ()
    ignored: Sequence[bool] = ()
    location: str = ""
    labels_file: Path | None = None
    problems: list[str] = field(default_factory=list)
