"""What a reader yields: one image and what is known about it, still in files or already in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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

    What is called for an image or mask gives an array, or the content of a file (bytes), which is read as a file of
    its own would be. It raises InputError or ValueError where it cannot.

    Attributes:
        name: unique in its split.
        image: file, array (H, W) or (H, W, C) of values as the data set has them, or what is called for it.
        mask: file, or array (H, W) of class values as the data set writes them, or what is called with the image's
            height and width for it; None for text. Of several labels a pixel a file for each label, or an
            array (H, W, C).
        boxes: (left, top, right, bottom) of each object, in pixels; a list, an array (n, 4), or what is called with the
            image's height and width for such a one.
        written: of each box the numbers as its file has them, for problems; nothing where they are the same.
        labels: of the boxes, 0-based over the classes without background.
        polygons: (x, y) of the corners of each, in pixels; lists or arrays (k, 2).
        ignored: for each box or polygon: counts neither for nor against.
        size: height and width of the image as its annotations have it, to be compared with the image's own.
        size_binds: whether another size is a problem. Else it is only odd: what many programs write into VOC's
            annotations is wrong though the boxes are right.
        location: where the item is named ("train.txt:17"), for problems.
        labels_file: file of the mask, boxes or polygons, for problems. One that is missing is a problem, unless all of
            a split are, whose ground truth is then hidden.
        group: what is never divided between splits or folds (patient, volume); `group` in the data set's file overrides
            what a reader says.
        problems: what the reader found wrong; reported together with all others before anything is trained.
        warnings: what is odd about it and let pass, found by the reader or while it is decoded.
    """

    name: str
    image: Path | np.ndarray | Callable[[], np.ndarray | bytes]
    mask: Path | list[Path] | np.ndarray | Callable[[int, int], np.ndarray | bytes] | None = None
    boxes: Sequence | np.ndarray | Callable[[int, int], Sequence] = ()
    written: Sequence[str] = ()
    labels: Sequence[int] = ()
    polygons: Sequence = ()
    ignored: Sequence[bool] = ()
    size: tuple[int, int] | None = None
    size_binds: bool = True
    location: str = ""
    labels_file: Path | None = None
    group: str | None = None
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def image_place(self) -> str:
        """Where the image is, for problems: its file, else what names it."""
        return str(self.image if isinstance(self.image, Path) else self.location or self.name)

    @property
    def labels_place(self) -> Path | str:
        """Where the labels are, for problems: their file, else what names the item."""
        return self.labels_file or self.location or self.name
