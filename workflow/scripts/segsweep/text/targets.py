"""What a DB detector should say about an image: shrunk words, and how far a pixel is from a word's border.

Source: Liao et al. 2020, "Real-time scene text detection with differentiable binarization", section 3.5, and the
authors' code (github.com/MhLiao/DB: make_shrink_map.py, make_border_map.py).
"""

from typing import Any, NamedTuple

import cv2
import numpy as np
import torch

from segsweep.text.geometry import HALF, offset, shrink_distance

SHRINK_RATIO = 0.4  # r of eq. 10
LOWEST, HIGHEST = 0.3, 0.7  # range of the threshold map
MIN_SIDE = 8.0  # pixels; words that are less wide or less high than this are no target


class Targets(NamedTuple):
    """Target maps of one image, each float32 (H, W)."""

    shrink: np.ndarray  # 1 inside shrunk words, else 0
    shrink_mask: np.ndarray  # 0 where the image must not teach: ignored words and words too small
    border: np.ndarray  # threshold map: 0.7 on a word's border, falling to 0.3 at distance D and beyond
    border_mask: np.ndarray  # 1 inside words grown by D


def batch_targets(batch: dict) -> dict[str, Any]:
    """What the DB loss asks of a batch, which its loader adds.

    Returns:
        The maps of `Targets`: uint8 (B, H, W) of 0 and 1, but `border` float32 (B, H, W). "teaching_pixels", of each
        image how many pixels of words and how many others teach the probability map.
    """
    height, width = batch["image"].shape[-2:]
    made = [
        targets(polygons, ignored, height, width)
        for polygons, ignored in zip(batch["polygons"], batch["ignored"], strict=True)
    ]
    maps = {name: np.stack([getattr(one, name) for one in made]) for name in Targets._fields}
    maps |= {name: values.astype(np.uint8) for name, values in maps.items() if name != "border"}
    words, others = maps["shrink"] & maps["shrink_mask"], ~maps["shrink"] & maps["shrink_mask"]
    pixels = [
        (int(np.count_nonzero(word)), int(np.count_nonzero(other))) for word, other in zip(words, others, strict=True)
    ]
    return {name: torch.from_numpy(values) for name, values in maps.items()} | {"teaching_pixels": pixels}


def targets(
    polygons: list[np.ndarray], ignored: np.ndarray, height: int, width: int, min_side: float = MIN_SIDE
) -> Targets:
    """Target maps of an image of `height` x `width` pixels.

    `polygons`: (k, 2) each, x and y in pixels; they may reach beyond the image. `ignored`: bool (n,), words that
    nobody has to find. A word that is less wide or less high than `min_side`, measured along the image's axes as the
    authors do (a slanted word may be thinner), or of which shrinking leaves nothing, is ignored as well.
    """
    shrink = np.zeros((height, width), np.float32)
    shrink_mask = np.ones((height, width), np.float32)
    border = np.zeros((height, width), np.float32)
    border_mask = np.zeros((height, width), np.float32)
    for polygon, skip in zip(polygons, np.asarray(ignored, dtype=bool), strict=True):
        points = np.asarray(polygon, dtype=np.float32) - HALF
        if len(points) < 3:
            continue
        distance = shrink_distance(points, SHRINK_RATIO)
        too_small = np.ptp(points, axis=0).min() < min_side
        kernels = [] if skip or too_small else offset(points, -distance)
        if not kernels:
            _fill(shrink_mask, [points], 0)
            continue
        _fill(shrink, kernels, 1)
        _draw_border(points, distance, border, border_mask)
    return Targets(shrink, shrink_mask, border * (HIGHEST - LOWEST) + LOWEST, border_mask)


def _fill(canvas: np.ndarray, polygons: list[np.ndarray], value: float) -> None:
    cv2.fillPoly(canvas, [np.round(p).astype(np.int32).reshape(-1, 1, 2) for p in polygons], value)


def _draw_border(points: np.ndarray, distance: float, border: np.ndarray, border_mask: np.ndarray) -> None:
    """Raise `border` to 1 - d / distance around one word's edges, d the pixel's distance from the nearest edge."""
    height, width = border.shape
    grown = offset(points, distance)
    _fill(border_mask, grown, 1)
    reach = np.concatenate(grown)
    x0, y0 = np.maximum(np.floor(reach.min(axis=0)).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(reach.max(axis=0)).astype(int) + 1, (width, height))
    if x0 >= x1 or y0 >= y1:  # the whole word lies outside
        return
    near = 1 - np.minimum(edge_distance(points, x0, y0, x1, y1) / distance, 1)
    window = border[y0:y1, x0:x1]
    np.maximum(window, near, out=window)


def edge_distance(points: np.ndarray, x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    """Distance in pixels of each pixel of the window x0 <= x < x1, y0 <= y < y1 from a polygon's nearest edge.

    `points`: (k, 2). Returns float32 (y1 - y0, x1 - x0).
    """
    x = np.arange(x0, x1, dtype=np.float32)[None, None, :]
    y = np.arange(y0, y1, dtype=np.float32)[None, :, None]
    start = np.asarray(points, dtype=np.float32)
    along = np.roll(start, -1, axis=0) - start  # (k, 2)
    squared = (along**2).sum(axis=1)
    ax, ay = (start[:, i, None, None] for i in (0, 1))
    ux, uy = (along[:, i, None, None] for i in (0, 1))
    # Where the pixel's foot lies on each edge: 0 at its start, 1 at its end.
    foot = ((x - ax) * ux + (y - ay) * uy) / np.maximum(squared, 1e-12)[:, None, None]
    foot = np.clip(foot, 0, 1)
    return np.sqrt(((ax + foot * ux - x) ** 2 + (ay + foot * uy - y) ** 2).min(axis=0))
