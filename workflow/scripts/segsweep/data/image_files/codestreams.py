"""JPEG 2000 and AVIF, whose depth and bands Pillow does not keep, by imagecodecs."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from segsweep.data.image_files.image_file import ORIENTATION, ImageFile, Reading, chosen_page
from segsweep.data.image_files.pixels import stored_dtype

if TYPE_CHECKING:
    import numpy as np

JPEG2000 = (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")
AVIF = (b"ftypavif", b"ftypavis")  # after four bytes
WITH_ALPHA = (2, 4)  # numbers of bands of an AVIF
OPACITY = (1, 2)  # types of a channel of JPEG 2000


def matches(head: bytes) -> bool:
    """See `segsweep.data.image_files`."""
    return head.startswith(JPEG2000) or head[4:12] in AVIF


@contextmanager
def opened(file: BinaryIO, where: str, reading: Reading) -> Iterator[ImageFile]:
    """See `segsweep.data.image_files`. The header alone does not say all, so that everything is decoded at once."""
    content = file.read()
    if content[4:12] in AVIF:
        page, orientation = _avif_page(file, where, reading)
        values = _avif(content, page)
        alpha = values.shape[2] - 1 if values.shape[2] in WITH_ALPHA else None
    else:
        values, alpha, orientation = _jpeg2000(content), _opacity(content), 1
    height, width, bands = values.shape
    dtype = stored_dtype(where, values.dtype)
    yield ImageFile(height, width, bands, dtype, lambda: values, alpha=alpha, orientation=orientation)


def _avif(content: bytes, page: int) -> np.ndarray:
    import imagecodecs

    return _with_bands(imagecodecs.avif_decode(content, index=page))


def _jpeg2000(content: bytes) -> np.ndarray:
    import imagecodecs

    return _with_bands(imagecodecs.jpeg2k_decode(content))


def _with_bands(values: np.ndarray) -> np.ndarray:
    return values[..., None] if values.ndim == 2 else values


def _avif_page(file: BinaryIO, where: str, reading: Reading) -> tuple[int, int]:
    """The image to read, and its orientation, by Pillow, which turns AVIF's own tags into EXIF's."""
    from PIL import Image

    file.seek(0)
    with Image.open(file) as image:
        orientation = image.getexif().get(ORIENTATION)
        return chosen_page(where, image.n_frames, reading), orientation if orientation in range(1, 9) else 1


def _opacity(content: bytes) -> int | None:
    """Position of the channel of a JPEG 2000 file that says how opaque a pixel is.

    Source: ITU-T T.800, I.5.3.6, the box `cdef`: a number of channels, and of each its position, type and color.
    """
    header = content[: content.find(b"jp2c")]
    start = header.find(b"cdef") + 4
    if start < 4:
        return None
    (count,) = struct.unpack(">H", header[start : start + 2])
    channels = struct.iter_unpack(">HHH", header[start + 2 : start + 2 + 6 * count])
    return next((position for position, kind, _ in channels if kind in OPACITY), None)
