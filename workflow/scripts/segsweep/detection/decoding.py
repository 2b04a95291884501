"""From the outputs of a detection head to the boxes of each image."""

import torch
from torchvision.ops import batched_nms, clip_boxes_to_image

from segsweep.config.train import Postprocess
from segsweep.detection.boxes import decode
from segsweep.detection.locations import locations

CANDIDATES = 1000  # boxes of an image that enter the non-maximum suppression, as in FCOS


def detections(outputs: dict, sizes: list[tuple[int, int]], settings: Postprocess) -> list[dict]:
    """The boxes that are found in each image, best first.

    A score is sqrt(probability of the class * centerness); what scores more than `score_threshold` competes with the
    boxes of its class that overlap it by more than `nms_iou`; the `top_k` best stay, clipped to the image.

    Args:
        outputs: of a detection head: "logits" (B, N, K), "distances" (B, N, 4) in strides, "centerness" (B, N) logits,
            and "levels", whose cells the N locations are.
        sizes: height and width of each image, pixels; what was filled up at the right and bottom is left out.
        settings: score_threshold, nms_iou and top_k are read.

    Returns:
        A dict for each image: "boxes" float32 (m, 4) corners in pixels, "scores" float32 (m,) in 0..1,
        "labels" int64 (m,) in 0..K-1; m may be 0.

    Source: Tian et al. 2019, section 3.1; the square root from the authors' code.
    """
    scores = (outputs["logits"].float().sigmoid() * outputs["centerness"].float().sigmoid()[..., None]).sqrt()
    points, strides = locations(outputs["levels"], scores.device)
    boxes = decode(points, outputs["distances"].float(), strides)
    found = []
    for box, score, (height, width) in zip(boxes, scores, sizes, strict=True):
        inside = (points[:, 0] < width) & (points[:, 1] < height)
        found.append(select(box[inside], score[inside], (height, width), settings))
    return found


def select(boxes: torch.Tensor, scores: torch.Tensor, size: tuple[int, int], settings: Postprocess) -> dict:
    """Threshold, non-maximum suppression by class and top k for one image.

    `boxes` float (N, 4) corners in pixels, `scores` float (N, K) in 0..1. Returns as `detections` for each image.
    """
    location, label = (scores > settings.score_threshold).nonzero(as_tuple=True)
    found = scores[location, label]
    # A stable order: which of equal scores survives must not depend on the machine.
    order = found.argsort(descending=True, stable=True)[:CANDIDATES]
    candidates = clip_boxes_to_image(boxes[location[order]], size)
    found, label = found[order], label[order]
    kept = batched_nms(candidates, found, label, settings.nms_iou)[: settings.top_k]
    return {"boxes": candidates[kept], "scores": found[kept], "labels": label[kept]}
