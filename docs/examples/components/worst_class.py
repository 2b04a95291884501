"""A metric: the Jaccard index of the class that is predicted worst."""

import numpy as np


def worst_iou(counts, classes) -> np.ndarray:
    """Of the classes that occur in ground truth or prediction; not a number where none does."""
    confusion = counts["confusion"].astype(float)  # (..., C, C): any axes in front, of epochs or images
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    union = confusion.sum(-1) + confusion.sum(-2) - hits
    worst = np.where(union > 0, hits / np.maximum(union, 1), np.inf).min(-1)
    return np.where(np.isinf(worst), np.nan, worst)
