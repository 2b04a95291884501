"""What scores of boxes are made of: COCO's table of precisions for a split, hits and misses for each image."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torchmetrics.detection import MeanAveragePrecision
from torchvision.ops import box_iou

from segsweep.detection.ignored_boxes import VocDifficultBackend, overlaps_in_force

OVERLAPS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
HIT_OVERLAP = 0.5  # of the scores of single images
ALL_AREAS, MOST_BOXES = 0, -1  # indices into COCO's table
NO_VALUE = -1


class BoxCounter:
    """Precisions of a split, and matches of each of its images.

    COCO's definition: of each class, the precision at 10 overlaps and 101 recalls; at most 100 boxes of a class and
    image count. A class without a box in the ground truth has no value (-1). Boxes to ignore (VOC's `difficult`) follow
    VOC's rule, of the split and of images: see `segsweep.detection.ignored_boxes`.

    Source: torchmetrics' MeanAveragePrecision on pycocotools.
    """

    def __init__(self, classes: int):
        """`classes`: K, the background not counted."""
        self.classes = classes
        # torchmetrics rounds its own thresholds to single precision: a recall of exactly 0.3 then misses its point.
        self.metric = MeanAveragePrecision(
            iou_type="bbox",
            iou_thresholds=OVERLAPS.tolist(),
            rec_thresholds=RECALLS.tolist(),
            backend="pycocotools",
            extended_summary=True,
        )
        self.metric.warn_on_many_detections = False
        self.metric._coco_backend = VocDifficultBackend()  # of which torchmetrics has no argument
        self._images: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    def add(self, found: Sequence[dict[str, Any]], batch: dict, ignored: list[torch.Tensor]) -> None:
        """Count some images.

        Args:
            found: for each image "boxes" float (m, 4) corners in pixels, "scores" (m,), "labels" int64 (m,).
            batch: the ground truth, "boxes" float (n, 4) and "labels" int64 (n,) of each image, and its "name".
            ignored: for each image bool (n,), boxes that count neither for nor against.
        """
        guesses = [
            {name: torch.as_tensor(one[name]).detach().cpu() for name in ("boxes", "scores", "labels")} for one in found
        ]
        ground_truths = [
            {"boxes": boxes.cpu().float(), "labels": labels.cpu(), "iscrowd": aside.cpu().long()}
            for boxes, labels, aside in zip(batch["boxes"], batch["labels"], ignored, strict=True)
        ]
        self.metric.update(guesses, ground_truths)
        for name, guess, ground_truth in zip(batch["name"], guesses, ground_truths, strict=True):
            self._images[name] = matches(guess, ground_truth, self.classes)

    def totals(self) -> dict[str, np.ndarray]:
        """{"precision": float64 (10, 101, K)}, by overlap, recall and class; -1 where there is no value."""
        table = np.full((len(OVERLAPS), len(RECALLS), self.classes), float(NO_VALUE))
        results = self.metric.compute() if self._images else {}
        if "precision" in results:
            present = results["classes"].reshape(-1).numpy()  # those that occur anywhere
            table[:, :, present] = results["precision"][:, :, :, ALL_AREAS, MOST_BOXES].double().numpy()
        return {"precision": table}

    def images(self) -> dict[str, np.ndarray]:
        """Of each image, in the order in which they came: "names" (N,), "box_hits" int8 (N, D) and "box_labels" int16
        (N, D), best first, -1 where there is no further box, and "box_ground_truths" int64 (N, K)."""
        rows = list(self._images.values())
        most = max((len(hit) for hit, _, _ in rows), default=0)
        hits = np.full((len(rows), most), NO_VALUE, np.int8)
        labels = np.full((len(rows), most), NO_VALUE, np.int16)
        for i, (hit, label, _) in enumerate(rows):
            hits[i, : len(hit)], labels[i, : len(label)] = hit, label
        ground_truths = np.array([ground_truth for _, _, ground_truth in rows], np.int64).reshape(
            len(rows), self.classes
        )
        names = np.array(list(self._images), dtype=str)
        return {"names": names, "box_hits": hits, "box_labels": labels, "box_ground_truths": ground_truths}


def matches(
    guess: dict[str, torch.Tensor], ground_truth: dict[str, torch.Tensor], classes: int
) -> tuple[np.ndarray, ...]:
    """How the boxes that were found in an image meet its ground truth, at an overlap of 0.5.

    What belongs to a box that is ignored is left out.

    Args:
        guess: "boxes" float (m, 4), "scores" (m,), "labels" int64 (m,).
        ground_truth: "boxes" float (n, 4), "labels" int64 (n,), "iscrowd" int64 (n,), 1 where ignored.
        classes: K.

    Returns:
        bool (m',) hit or miss, best first; int64 (m',) their labels; int64 (K,) true boxes of each class.
    """
    order = guess["scores"].argsort(descending=True, stable=True)
    boxes, labels = guess["boxes"][order], guess["labels"][order].numpy()
    ignored, true_labels = ground_truth["iscrowd"].numpy() == 1, ground_truth["labels"].numpy()
    overlaps = box_iou(boxes.float(), ground_truth["boxes"]).numpy()
    overlaps[labels[:, None] != true_labels[None]] = 0
    overlaps = overlaps_in_force(overlaps, ignored)
    hit = matched(overlaps[:, ~ignored])
    aside = overlaps[:, ignored].max(axis=1, initial=0) >= HIT_OVERLAP
    return hit[~aside], labels[~aside], np.bincount(true_labels[~ignored], minlength=classes)


def matched(overlaps: np.ndarray) -> np.ndarray:
    """Which of the boxes, best first, hit a box of the ground truth that no better one took: bool (m,).

    Each takes the free box that it overlaps most, if by at least `HIT_OVERLAP`, as in COCO's evaluation.

    `overlaps`: float (m, n), IoU with the ground truth; 0 with a box of another class.
    """
    free = overlaps.copy()
    hit = np.zeros(len(free), dtype=bool)
    for i, row in enumerate(free):
        if row.size and row.max() >= HIT_OVERLAP:
            hit[i] = True
            free[:, row.argmax()] = 0
    return hit
