"""Glassy shapes that overlap: a pixel carries the label of each shape that covers it."""

import zlib

import numpy as np

from segsweep.data.raw_item import Item
from segsweep.data.readers.demo import Demo

CORNERS = (64, 4, 3, 5, 6, 8)  # of each kind: disc, square, triangle, ...
RADIUS = (0.18, 0.32)  # of the shorter side
COUNT = (2, 5)  # shapes in an image
OPACITY = 0.5


def draw(demo: Demo) -> dict[str, list[Item]]:
    """The splits train and val. Each image follows from seed, split and number alone, however many others there are."""
    return {
        split: [draw_one(demo, split, number) for number in range(count)]
        for split, count in (("train", demo.train), ("val", demo.val))
    }


def draw_one(demo: Demo, split: str, number: int) -> Item:
    """One image: uint8 (H, W, 3), and its mask, uint8 (H, W, K), 1 where a shape of the kind lies.

    The first shape's kind goes round with the number, so that every kind occurs; the second one covers a part of it.
    """
    rng = np.random.default_rng([demo.seed, zlib.crc32(split.encode()), number])
    height, width = demo.size
    y, x = np.meshgrid(np.arange(height) + 0.5, np.arange(width) + 0.5, indexing="ij")
    canvas = np.full((height, width, 3), 0.5) + 0.15 * np.sin(x / 9 + rng.uniform(0, 6))[..., None]
    mask = np.zeros((height, width, demo.classes), np.uint8)
    centre = np.array([height, width]) / 2
    for turn in range(rng.integers(COUNT[0], COUNT[1] + 1)):
        kind = (number + turn) % demo.classes if turn < 2 else int(rng.integers(demo.classes))
        radius = rng.uniform(*RADIUS) * min(height, width)
        if turn != 1:
            centre = rng.uniform(0.2, 0.8, 2) * (height, width)
        cy, cx = centre + (rng.uniform(-0.7, 0.7, 2) * radius if turn == 1 else 0)
        inside = polygon(CORNERS[kind], (y - cy) / radius, (x - cx) / radius, rng.uniform(0, 2 * np.pi))
        mask[inside, kind] = 1
        colour = np.roll([0.95, 0.25, 0.1], kind) + rng.normal(0, 0.3 * demo.noise, 3)
        canvas[inside] = (1 - OPACITY) * canvas[inside] + OPACITY * colour
    canvas += rng.normal(0, 0.35 * demo.noise, canvas.shape)
    return Item(
        name=f"{split}_{number:04d}",
        image=(np.clip(canvas, 0, 1) * 255).round().astype(np.uint8),
        mask=mask,
        location=f"demo {split}",
    )


def polygon(corners: int, y: np.ndarray, x: np.ndarray, angle: float) -> np.ndarray:
    """bool (H, W): whether a point lies in the regular polygon of radius 1 around the origin, turned by an angle."""
    half = np.pi / corners
    from_side = (np.arctan2(y, x) - angle) % (2 * half) - half
    return np.hypot(y, x) * np.cos(from_side) < np.cos(half)
