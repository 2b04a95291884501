"""An annotation: an outline, a mask or a box with the name of a label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # planning imports readers, and does without numpy
    import numpy as np

Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class Annotation:
    """One object of an image, or a part of one. What it covers is the union of its rings, and its mask.

    Attributes:
        label: its name in the file.
        rings: corners of polygons, (k, 2) of x and y each; a ring that crosses itself covers what pycocotools fills.
        mask: bool (h, w), or, of the whole image, COCO's run lengths {"size": [height, width], "counts": list or
            compressed text}.
        corner: column and row of the image in which the first column and row of a mask (h, w) lie.
        box: left, top, right, bottom, as the file has it; without one, the extents of what is covered.
        group: annotations of one label and group are one object, with one box; None for an object by itself.
        ignored: its box counts neither for nor against (a crowd, a difficult object).
        relative: coordinates are shares of the image's width and height.
        cut_off: rings may reach beyond the image, as those of a circle at its edge do, where no hand slipped.
        location: where it stands, for problems: "a.json: annotation 17".
    """

    label: str
    rings: Sequence = ()
    mask: np.ndarray | dict | None = None
    corner: tuple[int, int] = (0, 0)
    box: Box | None = None
    group: float | str | None = None
    ignored: bool = False
    relative: bool = False
    cut_off: bool = False
    location: str = ""

    def in_pixels(self, height: int, width: int) -> Annotation:
        """The annotation with coordinates in pixels, and rings as float64 (k, 2)."""
        import numpy as np

        scale = np.array([width, height] if self.relative else [1, 1], np.float64)
        rings = [np.asarray(ring, np.float64).reshape(-1, 2) * scale for ring in self.rings]
        box = self.box and tuple((np.reshape(self.box, (2, 2)) * scale).ravel().tolist())
        return replace(self, rings=rings, box=box, relative=False)


def extents(points: np.ndarray) -> Box:
    """The box around points (k, 2)."""
    return (*points.min(0).tolist(), *points.max(0).tolist())
