"""Textured shapes in clutter, with masks and boxes: a data set that needs no files and can be learnt in a minute."""

import zlib

import numpy as np

from segsweep.data.raw_item import Item
from segsweep.data.readers.demo import SHAPES, Demo

RADIUS = (0.12, 0.26)  # of the shorter side
COUNT = (2, 6)  # shapes tried in an image
OVERLAP = 0.15  # share of its own pixels that a shape may lose to a later one
TRIES = 8  # places tried before a shape is left out
CLUTTER = 14  # blobs and lines at noise 1


def draw(demo: Demo) -> dict[str, list[Item]]:
    """The splits train and val. Each image follows from seed, split and number alone, however many others there are.

    Masks hold 0 for background and 1, 2, ... for the kinds; labels of boxes are 0, 1, ... for the same.
    """
    return {
        split: [draw_one(demo, split, number) for number in range(count)]
        for split, count in (("train", demo.train), ("val", demo.val))
    }


def draw_one(demo: Demo, split: str, number: int) -> Item:
    """One image: uint8 (H, W, 3), its mask and the boxes of its shapes.

    The first shape's kind goes round with the number, so that every kind occurs.
    """
    rng = np.random.default_rng([demo.seed, zlib.crc32(split.encode()), number])
    height, width = demo.size
    canvas = _background(rng, height, width)
    for _ in range(round(CLUTTER * demo.noise)):
        _clutter(rng, canvas)
    owner = np.full((height, width), -1)  # which shape is seen
    placed: list[tuple[int, int]] = []  # kind, pixels of the whole shape
    for turn in range(rng.integers(COUNT[0], COUNT[1] + 1)):
        kind = number % demo.classes if turn == 0 else int(rng.integers(demo.classes))
        radius = rng.uniform(*RADIUS) * min(height, width)
        inside = _place(rng, kind, radius, owner, placed)
        if inside is None:
            continue
        owner[inside] = len(placed)
        placed.append((kind, int(inside.sum())))
        canvas[inside] = _texture(rng, kind, height, width, demo.noise)[inside]
    canvas += rng.normal(0, 0.35 * demo.noise, canvas.shape)
    boxes = np.array([_box(owner == shape) for shape in range(len(placed))], np.float32).reshape(-1, 4)
    kinds = np.array([kind for kind, _ in placed], np.int64)
    return Item(
        name=f"{split}_{number:04d}",
        image=(np.clip(canvas, 0, 1) * 255).round().astype(np.uint8),
        mask=np.append(kinds + 1, 0)[owner].astype(np.uint8),  # owner -1 is the last: background
        boxes=boxes,
        labels=kinds,
        ignored=np.zeros(len(placed), bool),
        location=f"demo {split}",
    )


def _grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of the pixels' centres."""
    return np.meshgrid(np.arange(height) + 0.5, np.arange(width) + 0.5, indexing="ij")


def _place(rng, kind: int, radius: float, owner: np.ndarray, placed: list) -> np.ndarray | None:
    """Pixels of a shape at a place where it hides little of the others; None where there is none."""
    height, width = owner.shape
    y, x = _grid(height, width)
    for _ in range(TRIES):
        # Centres up to the edge of the image less half a radius: shapes may be cut, but not away.
        cy, cx = (rng.uniform(0.6 * radius, side - 0.6 * radius) for side in (height, width))
        inside = _shape(SHAPES[kind], (y - cy) / radius, (x - cx) / radius, rng.uniform(0, 2 * np.pi))
        if not inside.any():
            continue
        seen = [((owner == other) & ~inside).sum() / size for other, (_, size) in enumerate(placed)]
        if all(share >= 1 - OVERLAP for share in seen):
            return inside
    return None


def _shape(kind: str, y: np.ndarray, x: np.ndarray, angle: float) -> np.ndarray:
    """bool (H, W): whether a point lies in the shape of radius 1 around the origin, turned by an angle."""
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    r = np.hypot(u, v)
    if kind == "disc":
        return r < 0.9
    if kind == "square":
        return np.maximum(abs(u), abs(v)) < 0.75
    if kind == "triangle":
        turns = 2 * np.pi * np.arange(3) / 3
        return np.max([u * np.cos(t) + v * np.sin(t) for t in turns], axis=0) < 0.55
    if kind == "ring":
        return (r < 1) & (r > 0.55)
    if kind == "cross":
        return (np.maximum(abs(u), abs(v)) < 0.95) & (np.minimum(abs(u), abs(v)) < 0.32)
    phase = np.arctan2(v, u) % (2 * np.pi / 5) - np.pi / 5  # star: the radius swings five times
    return r < 0.45 + 0.55 * (abs(phase) / (np.pi / 5)) ** 1.5


def _texture(rng, kind: int, height: int, width: int, noise: float) -> np.ndarray:
    """float (H, W, 3): what a kind is filled with. Hues of kinds differ on average; with noise they overlap."""
    hue = kind / len(SHAPES) + rng.normal(0, 0.02 + 0.25 * noise)
    first, second = _colour(hue, rng.uniform(0.45, 0.9), rng.uniform(0.55, 0.95)), rng.uniform(0.1, 0.6)
    y, x = _grid(height, width)
    angle, period = rng.uniform(0, np.pi), rng.uniform(5, 9)
    along = (x * np.cos(angle) + y * np.sin(angle)) / period
    across = (y * np.cos(angle) - x * np.sin(angle)) / period
    pattern = (
        np.ones_like(x),  # plain
        np.sin(2 * np.pi * along) > 0,  # stripes
        (np.sin(2 * np.pi * along) > 0) ^ (np.sin(2 * np.pi * across) > 0),  # checks
        (np.sin(2 * np.pi * along) + np.sin(2 * np.pi * across)) > -0.7,  # dots
        0.5 + 0.5 * np.sin(np.pi * along),  # waves
        (along % 1) > 0.3,  # thin lines
    )[kind]
    return second * first + (1 - second) * first * np.asarray(pattern, float)[..., None]


def _colour(hue: float, saturation: float, value: float) -> np.ndarray:
    """RGB (3,) in 0..1 of hue, saturation and value."""
    ramp = np.clip(abs((hue * 6 + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)
    return value * (1 - saturation + saturation * ramp)


def _background(rng, height: int, width: int) -> np.ndarray:
    """float (H, W, 3): soft waves of dull colours."""
    y, x = _grid(height, width)
    canvas = np.full((height, width, 3), 0.45)
    for _ in range(4):
        fy, fx = rng.normal(0, 2 * np.pi / 40, 2)
        canvas += 0.09 * np.sin(fy * y + fx * x + rng.uniform(0, 6.3))[..., None] * rng.uniform(0.3, 1, 3)
    return canvas


def _clutter(rng, canvas: np.ndarray) -> None:
    """A grey or faintly coloured blob or line, of no class."""
    height, width = canvas.shape[:2]
    y, x = _grid(height, width)
    cy, cx, angle = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(0, np.pi)
    u, v = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle), (y - cy) * np.cos(angle) - (x - cx) * np.sin(angle)
    if rng.random() < 0.5:
        inside = (abs(v) < rng.uniform(0.6, 2)) & (abs(u) < rng.uniform(0.1, 0.5) * width)
    else:
        inside = (u / rng.uniform(3, 9)) ** 2 + (v / rng.uniform(2, 6)) ** 2 < 1
    canvas[inside] = _colour(rng.random(), rng.uniform(0, 0.45), rng.uniform(0.15, 0.95))


def _box(seen: np.ndarray) -> tuple[int, int, int, int]:
    """x1 y1 x2 y2 around the pixels, right and bottom exclusive."""
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
