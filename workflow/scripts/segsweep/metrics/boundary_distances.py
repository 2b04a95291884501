"""Distances between predicted and true boundaries, in pixels of the prepared image: what HD95 and surface Dice are of.

Edges and distances are MONAI's, so that without void the scores are those of its `compute_hausdorff_distance` and
`compute_surface_dice`. The image's border is an edge of what reaches it. Void pixels belong to whatever lies beside
them: no edge lies in them, or between them and a class.
"""

from typing import Any

import numpy as np
from monai.metrics import get_mask_edges, get_surface_distance

from segsweep.metrics.class_masks import ClassMasks, image_scores

PERCENTILE = 95
TOLERANCE = 2  # pixels


def count(predictions: list[dict[str, Any]], batch: dict) -> dict[str, np.ndarray]:
    """{"hd95": float64 (B, C, 2), "surface_dice": float64 (B, C, 2)}, as `image_scores` makes them of a batch."""
    return dict(zip(("hd95", "surface_dice"), image_scores(predictions, batch, hd95_and_surface_dice), strict=True))


def hd95_and_surface_dice(masks: ClassMasks) -> tuple[float, float]:
    """Both scores of a class in an image.

    Returns:
        HD95 in pixels and surface Dice in 0..1; nan without an edge in prediction or ground truth. With an edge in one
        of them only, the image's diagonal, the longest distance in it, and 0.
    """
    found, there = get_mask_edges(masks.predicted | masks.void, masks.true | masks.void, crop=False)
    found, there = found & ~masks.void, there & ~masks.void
    if not found.any() and not there.any():
        return np.nan, np.nan
    if not found.any() or not there.any():
        return float(np.hypot(*masks.void.shape)), 0.0
    distances = get_surface_distance(found, there), get_surface_distance(there, found)
    hd95 = max(np.percentile(one, PERCENTILE) for one in distances)
    return float(hd95), float((np.concatenate(distances) <= TOLERANCE).mean())
