"""From the outputs of a detection head to the boxes of each image."""

import torch
from torchvision.ops import batched_nms, clip_boxes_to_image

from segsweep.config.train import Postprocess
from segsweep.detection.boxes import decode
from segsweep.detection.locations import locations

CANDIDATES = 1000  # boxes of an image that enter the non-maximum suppression, as in FCOS
NONE = -1.0  # the score of what is no box


def candidates(outputs: dict, sizes: list[tuple[int, int]], settings: Postprocess) -> list[dict[str, torch.Tensor]]:
    """The boxes of each image that compete, on the device of the outputs, which is not waited for.

    A score is sqrt(probability of the class * centerness). What scores more than `score_threshold` enters, the best
    `CANDIDATES` of it.

    Args:
        outputs: of a detection head: "logits" (B, N, K), "distances" (B, N, 4) in strides, "centerness" (B, N) logits,
            and "levels", whose cells the N locations are.
        sizes: height and width of each image, pixels; what was filled up at the right and bottom is left out.
        settings: score_threshold is read.

    Returns:
        A dict for each image, best first: "boxes" float32 (m, 4) corners in pixels, clipped to the image, "scores"
        float32 (m,) in 0..1, "labels" int64 (m,) in 0..K-1. m is the same whatever is found: a score of `NONE` at the
        end is no box.

    Source: Tian et al. 2019, section 3.1; the square root from the authors' code.
    """
    scores = (outputs["logits"].float().sigmoid() * outputs["centerness"].float().sigmoid()[..., None]).sqrt()
    points, strides = locations(outputs["levels"], scores.device)
    boxes = decode(points, outputs["distances"].float(), strides)
    found = []
    for box, score, (height, width) in zip(boxes, scores, sizes, strict=True):
        inside = (points[:, 0] < width) & (points[:, 1] < height)
        found.append(competing(box, torch.where(inside[:, None], score, NONE), (height, width), settings))
    return found


def competing(
    boxes: torch.Tensor, scores: torch.Tensor, size: tuple[int, int], settings: Postprocess
) -> dict[str, torch.Tensor]:
    """The candidates of one image of `size`, of boxes float (N, 4) and scores float (N, K) of all locations."""
    above = torch.where(scores > settings.score_threshold, scores, NONE).flatten()
    # A stable order: which of equal scores survives must not depend on the machine.
    best, order = above.sort(descending=True, stable=True)
    best, order = best[:CANDIDATES], order[:CANDIDATES]
    location, label = order // scores.shape[1], order % scores.shape[1]
    return {"boxes": clip_boxes_to_image(boxes[location], size), "scores": best, "labels": label}


def in_main_memory(found: list[dict[str, torch.Tensor]]) -> list[dict[str, torch.Tensor]]:
    """The candidates of some images, copied from the device together."""
    if not found:
        return []
    sizes = [len(one["scores"]) for one in found]
    together = {name: torch.cat([one[name] for one in found]).cpu().split(sizes) for name in found[0]}
    return [dict(zip(together, values, strict=True)) for values in zip(*together.values(), strict=True)]


def suppressed(candidates: dict[str, torch.Tensor], settings: Postprocess) -> dict[str, torch.Tensor]:
    """The boxes found in an image, best first: no two of a class that overlap by more than `nms_iou`, `top_k` at most.

    `candidates`: of the image, in main memory. Returns them without those that lost; there may be none.
    """
    some = int((candidates["scores"] != NONE).sum())
    boxes, scores, labels = (candidates[name][:some] for name in ("boxes", "scores", "labels"))
    kept = batched_nms(boxes, scores, labels, settings.nms_iou)[: settings.top_k]
    return {"boxes": boxes[kept], "scores": scores[kept], "labels": labels[kept]}
