"""Images of rendered words on clutter, with the words' quads: a text data set for demos and tests."""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from segsweep.data.raw_item import Item
from segsweep.data.readers.demo import Demo
from segsweep.text.geometry import covered

VOCABULARY = """
exit open cafe hotel shop sale taxi metro bank park stop slow entry gate floor lift taste fresh bread juice
coffee market pharmacy books music cinema garden station platform north south east west river bridge castle
museum Welcome Please Private Tickets Rooms Cash Press Pull Push Danger Caution Level Zone Street Avenue
Library EXIT OPEN SALE TAXI BUS STOP MENU FREE HOT NEW TWO FIVE 24h 1984 2015 No.7 5% B12
"""
FONT_SHARE = (0.14, 0.25)  # font size, as a share of the image's shorter side
SMALLEST_FONT = 14  # pixels
ANGLE = 35.0  # degrees to either side
MOST_WORDS = 3
TRIES = 20  # places tried for a word before it is left out
DONT_CARE = 0.12  # share of the words that are faint and not scored
SPLITS = {"train": 0, "val": 1, "test": 2}


class DrawnWords(NamedTuple):
    """A drawn image."""

    image: np.ndarray  # uint8 (H, W, 3)
    polygons: list[np.ndarray]  # float32 (4, 2), x and y in pixels, clockwise from the upper left of the word
    ignored: np.ndarray  # bool (n,): faint, not scored
    words: list[str]


def draw(demo: Demo) -> dict[str, list[Item]]:
    """Items of the splits train and val, `demo.train` and `demo.val` of them."""
    return {
        split: [_item(demo, split, index) for index in range(count)]
        for split, count in (("train", demo.train), ("val", demo.val))
    }


def _item(demo: Demo, split: str, index: int) -> Item:
    drawn = draw_words(demo, split, index)
    name = f"{split}_{index:04d}"
    return Item(name=name, image=drawn.image, polygons=drawn.polygons, ignored=drawn.ignored, location=name)


def draw_words(demo: Demo, split: str, index: int) -> DrawnWords:
    """Image `index` of `split` ("train", "val", "test"): at least one word that counts.

    The same `demo.seed`, `demo.size`, `demo.noise`, split and index give the same image, whatever others there are.
    """
    rng = np.random.default_rng([demo.seed, SPLITS[split], index])
    height, width = demo.size
    canvas = _background(rng, height, width, demo.noise)
    polygons: list[np.ndarray] = []
    ignored, words = [], []
    for position in range(int(rng.integers(1, MOST_WORDS + 1))):
        faint = bool(position and rng.random() < DONT_CARE)
        word = str(rng.choice(VOCABULARY.split()))
        size = max(SMALLEST_FONT, round(float(rng.uniform(*FONT_SHARE)) * min(height, width)))
        placed = _place(rng, word, size, polygons, height, width)
        if placed is None:
            continue
        polygon, alpha = placed
        _ink(rng, canvas, alpha, faint)
        polygons.append(polygon)
        ignored.append(faint)
        words.append(word)
    canvas += rng.normal(0, 0.2 * demo.noise, canvas.shape)
    image = np.round(np.clip(canvas, 0, 1) * 255).astype(np.uint8)
    return DrawnWords(image, polygons, np.array(ignored, dtype=bool), words)


def _background(rng: np.random.Generator, height: int, width: int, noise: float) -> np.ndarray:
    """Smooth colours, boxes, discs and strokes: float64 (H, W, 3), 0..1."""
    coarse = Image.fromarray(rng.integers(60, 196, (3, 3, 3), dtype=np.uint8)).resize((width, height), Image.BICUBIC)
    pen = ImageDraw.Draw(coarse)
    for _ in range(round(40 * noise)):
        colour = tuple(int(c) for c in rng.integers(0, 256, 3))
        x, y = rng.uniform(-0.1, 1, 2) * (width, height)
        w, h = rng.uniform(0.03, 0.35, 2) * (width, height)
        kind = rng.integers(0, 4)
        if kind == 0:
            pen.rectangle((x, y, x + w, y + h), outline=colour, width=int(rng.integers(1, 4)))
        elif kind == 1:
            pen.ellipse((x, y, x + w, y + h), fill=colour)
        elif kind == 2:
            pen.rectangle((x, y, x + w, y + h), fill=colour)
        else:
            pen.line((x, y, x + w, y + h * rng.choice([-1, 1])), fill=colour, width=int(rng.integers(1, 4)))
    return np.asarray(coarse, dtype=np.float64) / 255


def _place(
    rng: np.random.Generator, word: str, size: int, taken: list[np.ndarray], height: int, width: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """Quad (4, 2) and opacity (H, W) of a word that lies inside the image and overlaps none; None if none fits.

    The first word of an image always fits: it is drawn smaller if it must be.
    """
    for attempt in range(TRIES * 4):
        if attempt >= TRIES and taken:
            return None
        if attempt >= TRIES:
            size = max(8, size - 1)
        stamp = _stamp(word, size)
        angle = np.deg2rad(rng.uniform(-ANGLE, ANGLE))
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        far = np.array(stamp.size, dtype=np.float64)
        corners = np.array([[0, 0], [far[0], 0], far, [0, far[1]]]) @ turn.T
        low, high = 1 - corners.min(axis=0), np.array([width - 1, height - 1]) - corners.max(axis=0)
        if (low >= high).any():
            continue
        shift = rng.uniform(low, high)
        polygon = (corners + shift).astype(np.float32)
        grown = (polygon - polygon.mean(axis=0)) * 1.2 + polygon.mean(axis=0)
        if taken and (covered([grown], taken) > 0).any():
            continue
        return polygon, _turned(stamp, turn, shift, height, width)
    return None


def _stamp(word: str, size: int) -> Image.Image:
    """The word, cut to its ink: L, 0..255."""
    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(word)
    stamp = Image.new("L", (int(np.ceil(right - left)) + 4, int(np.ceil(bottom - top)) + 4))
    ImageDraw.Draw(stamp).text((2 - left, 2 - top), word, fill=255, font=font)
    return stamp.crop(stamp.getbbox())


def _turned(stamp: Image.Image, turn: np.ndarray, shift: np.ndarray, height: int, width: int) -> np.ndarray:
    """The stamp's opacity in the image, float64 (H, W), 0..1: its point p goes to turn @ p + shift."""
    back = turn.T  # PIL asks where a pixel of the result comes from
    start = -back @ shift
    matrix = (back[0, 0], back[0, 1], start[0], back[1, 0], back[1, 1], start[1])
    return np.asarray(stamp.transform((width, height), Image.AFFINE, matrix, Image.BILINEAR), dtype=np.float64) / 255


def _ink(rng: np.random.Generator, canvas: np.ndarray, alpha: np.ndarray, faint: bool) -> None:
    """Paint a word in a colour that stands out from what is below it, or hardly does."""
    below = (canvas * alpha[..., None]).sum(axis=(0, 1)) / alpha.sum()
    step = rng.uniform(0.05, 0.12) if faint else rng.uniform(0.45, 0.8)
    towards = -1.0 if below.mean() > 0.5 else 1.0
    colour = np.clip(below + towards * step + rng.uniform(-0.1, 0.1, 3) * (not faint), 0, 1)
    canvas += alpha[..., None] * (colour - canvas)
