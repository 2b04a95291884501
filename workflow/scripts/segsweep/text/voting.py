"""Members of an ensemble vote on text polygons."""

import numpy as np

from segsweep.text.geometry import iou as overlap
from segsweep.text.postprocess import Detections

IOU = 0.5


def vote(members: list[Detections], min_votes: int, iou: float = IOU) -> Detections:
    """Merge what several detectors found in one picture.

    `members`: one `Detections` a detector. Taken by falling score, a detection joins the group whose best detection it
    overlaps most (IoU above `iou`), else it opens a group; a detector's second detection in a group is dropped. Groups
    with at least `min_votes` detectors stay. A group of quads becomes the mean of their corners weighted by score;
    other groups are represented by their best polygon. The new score is the mean over all members, where one that saw
    nothing counts 0.

    Raises:
        ValueError: if `min_votes` is not within 1..number of members.

    Source: the grouping follows Solovyev et al. 2021, "Weighted boxes fusion", with polygons for boxes.
    """
    if not 1 <= min_votes <= len(members):
        raise ValueError(f"min_votes must be within 1..{len(members)} (the number of members), got {min_votes}")
    polygons = [np.asarray(p, dtype=np.float32) for found in members for p in found.polygons]
    scores = np.array([s for found in members for s in found.scores], dtype=np.float64)
    owner = np.array([m for m, found in enumerate(members) for _ in found.polygons], dtype=int)
    close = overlap(polygons, polygons)
    groups: list[list[int]] = []
    for i in np.argsort(-scores, kind="stable"):
        nearest = max(groups, key=lambda group: close[i, group[0]], default=None)
        if nearest is None or close[i, nearest[0]] <= iou:
            groups.append([int(i)])
        elif owner[i] not in owner[nearest]:
            nearest.append(int(i))
    kept = [g for g in groups if len(g) >= min_votes]
    merged = [_merge([polygons[i] for i in g], scores[g]) for g in kept]
    return Detections(merged, np.array([scores[g].sum() / len(members) for g in kept], dtype=np.float32))


def _merge(polygons: list[np.ndarray], scores: np.ndarray) -> np.ndarray:
    best = polygons[0]
    if any(len(polygon) != 4 for polygon in polygons):
        return best
    weights = scores / scores.sum() if scores.sum() > 0 else np.full(len(scores), 1 / len(scores))
    return np.einsum("n,nkc->kc", weights, [_aligned(p, best) for p in polygons]).astype(np.float32)


def _aligned(quad: np.ndarray, model: np.ndarray) -> np.ndarray:
    """The corners of `quad` (4, 2) in the order, and with the start, that lies nearest those of `model`."""
    orders = [np.roll(way, shift, axis=0) for way in (quad, quad[::-1]) for shift in range(4)]
    return min(orders, key=lambda corners: float(((corners - model) ** 2).sum()))
