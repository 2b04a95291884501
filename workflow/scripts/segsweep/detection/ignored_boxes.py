"""Boxes of the ground truth that count neither for nor against, as VOC's devkit treats objects marked `difficult`.

A box that was found belongs to the box of its class and image that it overlaps most. If that one is to be ignored and
the overlap is at least the threshold, what was found is ignored as well, however many there are of it. COCO's rule for
crowds differs: its overlap is the share of the found box that lies in the crowd, and other boxes come first.

Source: Everingham et al. 2010, "The PASCAL Visual Object Classes (VOC) challenge", section 4.2.2; the devkit's
VOCevaldet.m.
"""

import numpy as np
from pycocotools import mask
from pycocotools.cocoeval import COCOeval
from torchmetrics.detection.helpers import CocoBackend


def overlaps_in_force(overlaps: np.ndarray, ignored: np.ndarray) -> np.ndarray:
    """Overlaps of what was found with the boxes that it may be matched with; 0 with all others.

    Args:
        overlaps: float (m, n), IoU of boxes that were found with the ground truth.
        ignored: bool (n,).

    Returns:
        float (m, n): of a row whose largest overlap is with an ignored box, those with ignored boxes; else the others.
    """
    if not len(overlaps) or not ignored.any():
        return overlaps
    aside = ignored[overlaps.argmax(axis=1)]
    return np.where(aside[:, None] == ignored[None], overlaps, 0.0)


class VocDifficultEval(COCOeval):
    """COCO's evaluation, but for ignored boxes: they are passed as crowds, which may be matched more than once."""

    def computeIoU(self, imgId: int, catId: int) -> np.ndarray | list:
        """Overlaps of an image's boxes of one class, those found from the highest score down."""
        ground_truths = self._gts[imgId, catId]
        ignored = np.array([bool(one["iscrowd"]) for one in ground_truths])
        if not ignored.any():
            return super().computeIoU(imgId, catId)
        found = sorted(self._dts[imgId, catId], key=lambda one: -one["score"])[: self.params.maxDets[-1]]
        boxes = ([one["bbox"] for one in group] for group in (found, ground_truths))
        return overlaps_in_force(mask.iou(*boxes, [0] * len(ground_truths)), ignored)


class VocDifficultBackend(CocoBackend):
    """torchmetrics' way to pycocotools, with the evaluation above."""

    def __init__(self) -> None:
        super().__init__("pycocotools")

    @property
    def cocoeval(self) -> type[COCOeval]:
        """The class that torchmetrics evaluates with."""
        return VocDifficultEval
