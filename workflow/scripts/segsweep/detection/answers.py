"""What each location should say of an image's boxes: made where batches are loaded, so that no GPU is asked for it."""

from typing import Any

import torch

from segsweep.detection.assignment import NOTHING, assign
from segsweep.detection.locations import Levels, locations, pyramid

ANSWERS = ("positive", "positive_boxes", "positive_labels", "uncounted")


def batch_answers(batch: dict) -> dict[str, Any]:
    """The answers for a loaded batch whose sides are multiples of the largest stride; see `answers`."""
    return answers(pyramid(*batch["image"].shape[-2:]), batch["boxes"], batch["labels"], ignored(batch))


def answers(
    levels: Levels, boxes: list[torch.Tensor], labels: list[torch.Tensor], aside: list[torch.Tensor]
) -> dict[str, Any]:
    """Which locations answer for which boxes.

    Args:
        levels: whose cells the N locations are.
        boxes: for each image float (n, 4) corners in pixels; n may be 0. In main memory, like what follows.
        labels: for each image int64 (n,) in 0..K-1.
        aside: for each image bool (n,), boxes that count neither for nor against.

    Returns:
        "levels", a tuple, and for each image "positive" int64 (p,), the locations that answer for a box,
        "positive_boxes" float (p, 4) and "positive_labels" int64 (p,), what they answer, and "uncounted" int64 (q,),
        the locations that answer for a box aside.
    """
    points, strides = locations(levels)
    found: dict[str, list[torch.Tensor]] = {name: [] for name in ANSWERS}
    for box, label, left_out in zip(boxes, labels, aside, strict=True):
        answer = assign(points, strides, box)
        positive = (answer != NOTHING).nonzero().flatten()
        skipped = left_out[answer[positive]]
        found["uncounted"].append(positive[skipped])
        positive = positive[~skipped]
        found["positive"].append(positive)
        found["positive_boxes"].append(box[answer[positive]])
        found["positive_labels"].append(label[answer[positive]])
    return {"levels": tuple(levels), **found}


def ignored(batch: dict) -> list[torch.Tensor]:
    """For each image bool (n,): which of its boxes count neither for nor against; none where nothing is said."""
    marks = batch.get("ignored") or [[]] * len(batch["boxes"])
    return [
        torch.as_tensor(mark if len(mark) == len(boxes) else [False] * len(boxes), dtype=torch.bool)
        for mark, boxes in zip(marks, batch["boxes"], strict=True)
    ]
