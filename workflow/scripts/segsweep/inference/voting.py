"""Members of an ensemble agree on each pixel, on boxes, and on text."""

import numpy as np

from segsweep.data.label_masks import pack, unpack
from segsweep.text.geometry import iou as overlap
from segsweep.text.postprocess import Detections

BOX_IOU = 0.55  # of the experiments in the paper of weighted boxes fusion
TEXT_IOU = 0.5

Boxes = dict[str, np.ndarray]


def mean_masks(probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The class of the highest mean probability.

    Args:
        probabilities: float (M, C, H, W) of M members, 0..1; one channel is that of a binary task's foreground.

    Returns:
        uint8 (H, W) of classes, and the mean, float32 (C, H, W).
    """
    average = np.mean(probabilities, axis=0, dtype=np.float32)
    return _decided(average), average


def vote_on_masks(masks: np.ndarray, probabilities: np.ndarray, min_votes: int) -> tuple[np.ndarray, np.ndarray]:
    """The class that most members say; of a binary task the foreground where at least `min_votes` say so.

    Of several classes the mean probability decides where none has `min_votes` votes, or two have equally many.

    Args:
        masks: uint8 (M, H, W), each member's classes.
        probabilities: float (M, C, H, W), as for `mean_masks`.
        min_votes: 1 to M.

    Returns:
        As `mean_masks`.

    Raises:
        ValueError: `min_votes` is not within 1..M.
    """
    members, classes = probabilities.shape[:2]
    if not 1 <= min_votes <= members:
        raise ValueError(f"min_votes must be within 1..{members} (the number of members), got {min_votes}")
    average = np.mean(probabilities, axis=0, dtype=np.float32)
    if classes == 1:
        return ((masks == 1).sum(axis=0) >= min_votes).astype(np.uint8), average
    votes = np.stack([(masks == index).sum(axis=0) for index in range(classes)])  # (C, H, W)
    most = votes.max(axis=0)
    clear = (most >= min_votes) & ((votes == most).sum(axis=0) == 1)
    return np.where(clear, votes.argmax(axis=0), _decided(average)).astype(np.uint8), average


def mean_labels(probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The labels whose mean probability is above one half, as bits uint8 (H, W); and the mean, float32 (C, H, W)."""
    each = [mean_masks(probabilities[:, i : i + 1]) for i in range(probabilities.shape[1])]
    return pack([mask for mask, _ in each]), np.concatenate([mean for _, mean in each])


def vote_on_labels(masks: np.ndarray, probabilities: np.ndarray, min_votes: int) -> tuple[np.ndarray, np.ndarray]:
    """The labels that at least `min_votes` members say, each label by itself; see `vote_on_masks`, `mean_labels`."""
    count = probabilities.shape[1]
    labels = np.stack([unpack(mask, count) for mask in masks], axis=1)  # (C, M, H, W)
    each = [vote_on_masks(labels[i], probabilities[:, i : i + 1], min_votes) for i in range(count)]
    return pack([mask for mask, _ in each]), np.concatenate([mean for _, mean in each])


def _decided(probability: np.ndarray) -> np.ndarray:
    """uint8 (H, W) of float (C, H, W), as a single model decides: one channel is foreground above one half."""
    return (probability[0] > 0.5 if len(probability) == 1 else probability.argmax(axis=0)).astype(np.uint8)


def fuse_boxes(members: list[Boxes], min_votes: int = 1, iou: float = BOX_IOU) -> Boxes:
    """Weighted boxes fusion: what members found of one thing becomes one box.

    Taken by falling score, a box joins the group of its class whose fused box it overlaps most (IoU above `iou`), else
    it opens a group; a member's second box in a group is dropped. A group's box is the mean of its boxes weighted by
    score; its score the mean over all members, where one that saw nothing counts 0. Groups of at least `min_votes`
    members stay.

    Args:
        members: of each "boxes" float (n, 4) corners in pixels, "scores" (n,) in 0..1, "labels" int (n,).
        min_votes: 1 to the number of members. 1 is the paper's fusion.
        iou: least overlap within a group.

    Returns:
        The same keys, best first: float32 (m, 4), float32 (m,), int64 (m,).

    Raises:
        ValueError: `min_votes` is not within 1..number of members.

    Source: Solovyev, Wang, Gabruseva, Weighted boxes fusion, Image and Vision Computing 107 (2021), section 3. Unlike
    there, each member has one box in a group, so that boxes are votes.
    """
    if not 1 <= min_votes <= len(members):
        raise ValueError(f"min_votes must be within 1..{len(members)} (the number of members), got {min_votes}")
    boxes = np.concatenate([np.asarray(one["boxes"], np.float64).reshape(-1, 4) for one in members])
    scores = np.concatenate([np.asarray(one["scores"], np.float64) for one in members])
    labels = np.concatenate([np.asarray(one["labels"], np.int64) for one in members])
    owner = np.repeat(np.arange(len(members)), [len(one["scores"]) for one in members])
    groups: list[list[int]] = []
    fused = np.zeros((0, 4))  # of each group
    of_group = np.zeros(0, np.int64)  # its label
    for i in np.argsort(-scores, kind="stable"):
        overlaps = np.where(of_group == labels[i], _overlaps(boxes[i], fused), 0.0)
        nearest = int(overlaps.argmax()) if len(overlaps) else -1
        if nearest < 0 or overlaps[nearest] <= iou:
            groups.append([int(i)])
            fused, of_group = np.vstack([fused, boxes[i]]), np.append(of_group, labels[i])
        elif owner[i] not in owner[groups[nearest]]:
            groups[nearest].append(int(i))
            fused[nearest] = _mean_box(boxes[groups[nearest]], scores[groups[nearest]])
    kept = [number for number, group in enumerate(groups) if len(group) >= min_votes]
    merged = np.array([scores[groups[number]].sum() / len(members) for number in kept], np.float32)
    order = np.argsort(-merged, kind="stable")
    return {
        "boxes": fused[kept][order].astype(np.float32).reshape(-1, 4),
        "scores": merged[order],
        "labels": of_group[kept][order].astype(np.int64),
    }


def _mean_box(boxes: np.ndarray, scores: np.ndarray) -> np.ndarray:
    return np.average(boxes, axis=0, weights=scores if scores.sum() > 0 else None)


def _overlaps(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """IoU of a box (4,) with others (n, 4)."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    shared = np.clip(sides, 0, None).prod(axis=1)
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod()
    return shared / np.maximum(areas - shared, 1e-12)


def vote_on_text(members: list[Detections], min_votes: int, iou: float = TEXT_IOU) -> Detections:
    """Merge what several detectors found in one image.

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
    merged = [_mean_polygon([polygons[i] for i in g], scores[g]) for g in kept]
    return Detections(merged, np.array([scores[g].sum() / len(members) for g in kept], dtype=np.float32))


def _mean_polygon(polygons: list[np.ndarray], scores: np.ndarray) -> np.ndarray:
    best = polygons[0]
    if any(len(polygon) != 4 for polygon in polygons):
        return best
    weights = scores / scores.sum() if scores.sum() > 0 else np.full(len(scores), 1 / len(scores))
    return np.einsum("n,nkc->kc", weights, [_aligned(p, best) for p in polygons]).astype(np.float32)


def _aligned(quad: np.ndarray, model: np.ndarray) -> np.ndarray:
    """The corners of `quad` (4, 2) in the order, and with the start, that lies nearest those of `model`."""
    orders = [np.roll(way, shift, axis=0) for way in (quad, quad[::-1]) for shift in range(4)]
    return min(orders, key=lambda corners: float(((corners - model) ** 2).sum()))
