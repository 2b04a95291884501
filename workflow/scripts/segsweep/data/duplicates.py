"""Images that are there twice: with the same pixels under two names, or nearly the same."""

from dataclasses import dataclass
from hashlib import blake2b
from itertools import combinations
from pathlib import Path
from zlib import crc32

import cv2
import numpy as np

from segsweep.data.raw_item import Item

SIDE = 32  # of thumbnails
MOST_SIDE = 256  # of the pixels that thumbnails are the means of: to read all of a photo takes as long as to decode it
ALIKE = 0.985  # correlation of the thumbnails of two images that are nearly the same: recompressed, resized, brightened
BLOCK = 1024  # thumbnails compared at a time
SHOWN = 5  # pairs of a kind that are named; the rest is counted

Pair = tuple[Item, Item]


@dataclass(frozen=True)
class Signature:
    """What images are compared by.

    Attributes:
        digest: of the pixels.
        thumbnail: float32 (SIDE * SIDE,), gray, of mean 0 and length 1; zeros where all of it is of one value.
    """

    digest: bytes
    thumbnail: np.ndarray


def signature(image: np.ndarray) -> Signature | None:
    """The signature of an image (H, W, C); None where all pixels are equal: such an image tells nothing."""
    values, channels = np.ascontiguousarray(image).reshape(-1), image.shape[2]
    thumbnail = _thumbnail(image)
    seems_flat = np.ptp(thumbnail) <= 1e-3 * np.abs(thumbnail).max()
    if seems_flat and (values[channels:] == values[:-channels]).all():
        return None
    # A sum and a thumbnail that are equal to the bit: no two images have both by chance, and a hash takes as long as
    # to decode them.
    pixels = f"{image.shape} {image.dtype} {crc32(values.data)}".encode()
    digest = blake2b(pixels + thumbnail.tobytes(), digest_size=16).digest()
    thumbnail -= thumbnail.mean()
    length = np.linalg.norm(thumbnail)
    return Signature(digest, (thumbnail / length if length > 0 else thumbnail).astype(np.float32))


def _thumbnail(image: np.ndarray) -> np.ndarray:
    """float64 (SIDE * SIDE,): means over all channels; of a large image over some of its pixels."""
    height, width = (min(side, MOST_SIDE) for side in image.shape[:2])
    fewer = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR).reshape(height * width, -1)
    grey = fewer.astype(np.float32) @ np.full(fewer.shape[1], 1 / fewer.shape[1], np.float32)
    return cv2.resize(grey.reshape(height, width), (SIDE, SIDE), interpolation=cv2.INTER_AREA).ravel().astype(float)


def check_duplicates(
    found: dict[str, list[tuple[Item, Signature]]], unlabeled: set[str], allowed: bool
) -> tuple[list[str], list[str]]:
    """Problems and warnings about images that are there twice.

    Args:
        found: items and signatures of each split.
        unlabeled: splits on which nothing is scored, so that nothing is won by knowing their images.
        allowed: whether the same pixels may lie in two splits.

    Returns:
        A problem for each pair across splits with the same pixels; warnings of all others.
    """
    problems, warnings = [], []
    for split, members in found.items():
        warnings += _named(f"the same pixels under two names in {split}", _twice(members))
    for (one, first), (other, second) in combinations(found.items(), 2):
        same = _shared(first, second)
        if allowed or unlabeled & {one, other}:
            warnings += _named(f"the same pixels in {one} and {other}", same)
        else:
            problems += [_problem(one, other, pair) for pair in same]
        warnings += _named(f"nearly the same image in {one} and {other}", _alike(first, second))
    return problems, warnings


def is_named_twice(one: Item, other: Item) -> bool:
    """Whether two items of different splits are one file by one name. Of folders, each may have its own `0001`."""
    return one.name == other.name and isinstance(one.image, Path) and one.image == other.image


def _problem(one: str, other: str, pair: Pair) -> str:
    a, b = pair
    return (
        f"{b.location or other}: {b.name!r} has the same pixels as {a.name!r} of {one} ({a.location}). What is scored "
        "must not be trained on as well; take one of them out, or set `allow_duplicates: true` in the data set's file."
    )


def _named(what: str, pairs: list[Pair]) -> list[str]:
    """One warning for all pairs of a kind."""
    if not pairs:
        return []
    named = ", ".join(f"{a.name} = {b.name}" for a, b in pairs[:SHOWN])
    more = f" and {len(pairs) - SHOWN} more" if len(pairs) > SHOWN else ""
    return [f"{what} ({len(pairs)}): {named}{more}"]


def _twice(members: list[tuple[Item, Signature]]) -> list[Pair]:
    first: dict[bytes, Item] = {}
    pairs = [(first.setdefault(one.digest, item), item) for item, one in members]
    return [(a, b) for a, b in pairs if a is not b]


def _shared(first: list[tuple[Item, Signature]], second: list[tuple[Item, Signature]]) -> list[Pair]:
    known = {one.digest: item for item, one in reversed(first)}
    pairs = [(known[one.digest], item) for item, one in second if one.digest in known]
    return [(a, b) for a, b in pairs if not is_named_twice(a, b)]


def _alike(first: list[tuple[Item, Signature]], second: list[tuple[Item, Signature]]) -> list[Pair]:
    """Of each image of the second split its most similar one of the first, if they are alike and not the same."""
    if not first or not second:
        return []
    thumbnails = np.stack([one.thumbnail for _, one in first])
    pairs = []
    for start in range(0, len(second), BLOCK):
        block = second[start : start + BLOCK]
        likeness = thumbnails @ np.stack([one.thumbnail for _, one in block]).T  # (N, BLOCK)
        for position, nearest in enumerate(likeness.argmax(0)):
            (a, one), (b, other) = first[nearest], block[position]
            if likeness[nearest, position] >= ALIKE and one.digest != other.digest:
                pairs.append((a, b))
    return pairs
