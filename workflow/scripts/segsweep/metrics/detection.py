"""Mean average precision over a split, and scores of single pictures."""

import numpy as np
import torch
from torchmetrics.detection import MeanAveragePrecision
from torchvision.ops import box_iou

IOU_50 = 0  # index of 0.5 in the overlaps
ALL_AREAS = 0
OVERLAPS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)


class DetectionScores:
    """map, map50 and ap/<class> over all pictures that were seen, in 0..1.

    COCO's definition: average precision over 101 points of recall, mean over the classes that occur in the truth; `map`
    and `ap/<class>` are means over overlaps of 0.5 to 0.95, `map50` is at 0.5; at most 100 boxes of a class and
    picture count. What has no value (a class without a single box in the truth) is nan.

    Source: torchmetrics' MeanAveragePrecision on pycocotools.
    """

    def __init__(self, classes: list[str]):
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

    def update(
        self,
        found: list[dict],
        boxes: list[torch.Tensor],
        labels: list[torch.Tensor],
        ignored: list[torch.Tensor] | None = None,
    ) -> None:
        """Counts some pictures.

        Args:
            found: for each picture "boxes" float (m, 4) corners in pixels, "scores" (m,), "labels" int64 (m,).
            boxes: the truth, for each picture float (n, 4).
            labels: for each picture int64 (n,).
            ignored: for each picture bool (n,), counted neither for nor against, as COCO's crowds are.
        """
        truth = [{"boxes": box.cpu().float(), "labels": label.cpu()} for box, label in zip(boxes, labels, strict=True)]
        for one, left_out in zip(truth, ignored or [], strict=bool(ignored)):
            one["iscrowd"] = left_out.cpu().long()
        self.metric.update([{name: value.detach().cpu() for name, value in item.items()} for item in found], truth)

    def compute(self) -> dict[str, float]:
        """The scores by name."""
        scores = {"map": np.nan, "map50": np.nan} | {f"ap/{name}": np.nan for name in self.classes}
        results = self.metric.compute()
        if "precision" not in results:
            return scores
        # (overlaps, recalls, classes that occur, areas, limits of boxes): COCO marks what has no value by -1.
        precision = results["precision"][:, :, :, ALL_AREAS, -1].double().numpy()
        for k, index in enumerate(results["classes"].reshape(-1).tolist()):
            scores[f"ap/{self.classes[index]}"] = mean_of_valid(precision[:, :, k])
        scores["map"] = mean_of_valid(precision)
        scores["map50"] = mean_of_valid(precision[IOU_50])
        return scores


def mean_of_valid(values: np.ndarray) -> float:
    """Mean of the values that are not -1; nan if there is none."""
    valid = values[values > -1]
    return float(valid.mean()) if valid.size else np.nan


def picture_scores(
    found: dict, boxes: torch.Tensor, labels: torch.Tensor, ignored: torch.Tensor | None = None, iou: float = 0.5
) -> dict[str, float]:
    """Scores of one picture, 0..1: "map50", and "box_f1", the best F1 that any threshold on the scores yields.

    map50 is as for a split, with this picture alone in it, and nan for a picture without objects. F1 counts the boxes
    of classes that do not occur in the picture as well; nothing found where nothing is scores 1.

    Args:
        found: "boxes" float (m, 4) corners in pixels, "scores" (m,), "labels" int64 (m,).
        boxes: the truth, float (n, 4).
        labels: int64 (n,).
        ignored: bool (n,), boxes that count neither for nor against, and what hits them neither.
    """
    order = found["scores"].cpu().argsort(descending=True, stable=True)
    found_boxes, found_labels = found["boxes"].cpu()[order], found["labels"].cpu()[order].numpy()
    boxes, truth = boxes.cpu().float(), labels.cpu().numpy()
    counts = np.ones(len(truth), dtype=bool) if ignored is None else ~ignored.cpu().numpy()
    hit = matched(found_boxes, found_labels, boxes[counts], truth[counts], iou)
    aside = ~hit & matched(found_boxes, found_labels, boxes[~counts], truth[~counts], iou)
    hit, found_labels, truth = hit[~aside], found_labels[~aside], truth[counts]
    if not len(truth):
        return {"map50": np.nan, "box_f1": float(not len(hit))}
    precisions = [average_precision(hit[found_labels == name], int((truth == name).sum())) for name in np.unique(truth)]
    hits = np.cumsum(hit)
    f1 = 2 * hits / (np.arange(1, len(hit) + 1) + len(truth))
    return {"map50": float(np.mean(precisions)), "box_f1": float(f1.max(initial=0.0))}


def matched(
    found: torch.Tensor, found_labels: np.ndarray, truth: torch.Tensor, labels: np.ndarray, iou: float
) -> np.ndarray:
    """Which of the boxes, best first, hit a box of the truth that no better one took: bool (m,).

    Each takes the free box of its class that it overlaps most, if by at least `iou`, as in COCO's evaluation.
    """
    overlaps = box_iou(found.float(), truth).numpy()
    overlaps[found_labels[:, None] != labels[None]] = 0
    hit = np.zeros(len(found), dtype=bool)
    for i, row in enumerate(overlaps):
        if row.size and row.max() >= iou:
            hit[i] = True
            overlaps[:, row.argmax()] = 0
    return hit


def average_precision(hit: np.ndarray, truth: int) -> float:
    """Average precision of one class over 101 points of recall, 0..1.

    `hit`: bool (m,), best first; `truth`: number of boxes of the class, at least 1.

    Source: pycocotools' accumulate.
    """
    if not len(hit):
        return 0.0
    hits = np.cumsum(hit)
    recall, precision = hits / truth, hits / np.arange(1, len(hit) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, RECALLS, side="left")
    return float(np.append(envelope, 0.0)[at].mean())
