"""Pages cut into patches, and patches stitched to pages again."""

from collections.abc import Iterable
from typing import Any

import numpy as np


def page_size(height: int, width: int, longer: int) -> tuple[int, int]:
    """Height and width of a page whose longer side becomes `longer` pixels."""
    factor = longer / max(height, width)
    return max(1, round(height * factor)), max(1, round(width * factor))


def corners(height: int, width: int, size: int, overlap: int) -> list[tuple[int, int]]:
    """Top and left of the patches that cover a page, row by row; the last of a row or column may reach beyond it."""
    step = size - overlap
    tops = range(0, max(height - overlap, 1), step)
    lefts = range(0, max(width - overlap, 1), step)
    return [(top, left) for top in tops for left in lefts]


def stitch(patches: Iterable[np.ndarray], pages: Iterable[dict[str, Any]]) -> dict[str, np.ndarray]:
    """Whole pages from patches; what lies beyond a page is dropped.

    Where patches overlap, floats (probabilities) are averaged; of other values (classes) the patch counts whose
    centre is nearest, as a network knows least about its patch's edge.

    Args:
        patches: (h, w) or (h, w, c) each.
        pages: of each patch {"page", "y", "x", "height", "width"}.

    Returns:
        The array (H, W) or (H, W, c) of each page by name, in the order in which pages first appear.
    """
    whole: dict[str, np.ndarray] = {}
    weight: dict[str, np.ndarray] = {}
    for patch, page in zip(patches, pages, strict=True):
        name, y, x = page["page"], page["y"], page["x"]
        patch = np.asarray(patch)
        if name not in whole:
            shape = (page["height"], page["width"])
            whole[name] = np.zeros((*shape, *patch.shape[2:]), patch.dtype)
            weight[name] = np.zeros(shape, np.float32)
        height, width = min(patch.shape[0], page["height"] - y), min(patch.shape[1], page["width"] - x)
        here = (slice(y, y + height), slice(x, x + width))
        piece = patch[:height, :width]
        if np.issubdtype(patch.dtype, np.floating):
            whole[name][here] += piece
            weight[name][here] += 1
        else:
            depth = _depth(*patch.shape[:2])[:height, :width]
            nearer = depth > weight[name][here]
            whole[name][here][nearer] = piece[nearer]
            weight[name][here][nearer] = depth[nearer]
    for name, page in whole.items():
        if np.issubdtype(page.dtype, np.floating):
            count = np.maximum(weight[name], 1)
            page /= count if page.ndim == 2 else count[..., None]
    return whole


def _depth(height: int, width: int) -> np.ndarray:
    """float32 (h, w): distance to the nearest edge of the patch, from 1."""
    y, x = np.arange(height), np.arange(width)
    rows, columns = np.minimum(y, height - 1 - y), np.minimum(x, width - 1 - x)
    return np.minimum(rows[:, None], columns[None]).astype(np.float32) + 1
