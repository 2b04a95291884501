"""Pages cut into patches, and patches stitched to pages again.

What a network says of overlapping patches becomes one page by the mean of its logits, each weighted by `window`; see
`segsweep.inference.pages`.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np


def scale(height: int, width: int, longer: int | None) -> float:
    """The factor by which a page's sides grow if the longer one becomes `longer` pixels; 1 if None."""
    return 1.0 if longer is None else longer / max(height, width)


def page_size(height: int, width: int, longer: int | None) -> tuple[int, int]:
    """Height and width of a page whose longer side becomes `longer` pixels; its own ones if None."""
    factor = scale(height, width, longer)
    return max(1, round(height * factor)), max(1, round(width * factor))


def corners(height: int, width: int, size: int, overlap: int) -> list[tuple[int, int]]:
    """Top and left of the patches that cover a page, row by row; the last of a row or column may reach beyond it."""
    step = size - overlap
    tops = range(0, max(height - overlap, 1), step)
    lefts = range(0, max(width - overlap, 1), step)
    return [(top, left) for top in tops for left in lefts]


def whole_images(split: Any) -> list[list[int]]:
    """Indices of each image of a prepared split, in order: one, or those of all patches of a page."""
    found: dict[Any, list[int]] = {}
    for i in range(len(split)):
        page = split.page(i)
        found.setdefault(page["page"] if page else i, []).append(i)
    return list(found.values())


def own_pixels(page: dict[str, Any], overlap: int) -> tuple[slice, slice]:
    """Rows and columns of a patch that lie on its page and in no patch before it.

    Args:
        page: of the patch {"y", "x", "height", "width"}.
        overlap: of neighbours.
    """
    top, left = (overlap if page[start] else 0 for start in ("y", "x"))
    return slice(top, page["height"] - page["y"]), slice(left, page["width"] - page["x"])


def window(height: int, width: int) -> np.ndarray:
    """Weights of a patch's pixels where patches overlap, float32 (h, w).

    The distance to the nearest edge above or below times that to the nearest edge at the sides, counted from 1: a
    network knows least about its patch's edge. Where patches overlap by half, the weights of a pixel add up to the same
    everywhere.
    """
    rows, columns = (np.minimum(np.arange(side) + 1, side - np.arange(side)) for side in (height, width))
    return np.outer(rows, columns).astype(np.float32)


def stitch(patches: Iterable[np.ndarray], pages: Iterable[dict[str, Any]]) -> np.ndarray:
    """An image or mask from its patches, which hold the same pixels where they overlap; what lies beyond is dropped.

    Args:
        patches: (h, w) or (h, w, c) each, all of one page.
        pages: of each patch {"y", "x", "height", "width"}.

    Returns:
        (H, W) or (H, W, c).
    """
    whole = None
    for patch, page in zip(patches, pages, strict=True):
        if whole is None:
            whole = np.zeros((page["height"], page["width"], *patch.shape[2:]), patch.dtype)
        here = whole[page["y"] : page["y"] + patch.shape[0], page["x"] : page["x"] + patch.shape[1]]
        here[:] = patch[: here.shape[0], : here.shape[1]]
    return whole
