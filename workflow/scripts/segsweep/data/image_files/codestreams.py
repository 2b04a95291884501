"""JPEG 2000 and AVIF, whose depth and bands Pillow does not keep, by imagecodecs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from segsweep.data.image_files.image_file import ImageFile, Reading
from segsweep.data.image_files.pixels import stored_dtype

JPEG2000 = (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")
AVIF = (b"ftypavif", b"ftypavis")  # after four bytes


def matches(head: bytes) -> bool:
    """See `segsweep.data.image_files`."""
    return head.startswith(JPEG2000) or head[4:12] in AVIF


@contextmanager
def opened(file: BinaryIO, where: str, reading: Reading) -> Iterator[ImageFile]:
    """See `segsweep.data.image_files`. The header alone does not say all, so that everything is decoded at once."""
    import imagecodecs

    content = file.read()
    decode = imagecodecs.avif_decode if content[4:12] in AVIF else imagecodecs.jpeg2k_decode
    values = decode(content)
    values = values[..., None] if values.ndim == 2 else values
    height, width, bands = values.shape
    alpha = bands - 1 if bands in (2, 4) and decode is imagecodecs.avif_decode else None
    yield ImageFile(height, width, bands, stored_dtype(values.dtype), lambda: values, alpha=alpha)
