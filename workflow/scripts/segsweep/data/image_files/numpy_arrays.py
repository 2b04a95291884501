"""Arrays of NumPy: `.npy`, and `.npz` with one array."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from segsweep.data.image_files.image_file import ImageFile, Reading
from segsweep.data.image_files.pixels import stored_dtype
from segsweep.errors import ImageError, InputError

NPY, ZIP = b"\x93NUMPY", b"PK\x03\x04"
FEW = 16  # a first side this small is rather a number of channels than a height


def matches(head: bytes) -> bool:
    """See `segsweep.data.image_files`."""
    return head.startswith((NPY, ZIP))


@contextmanager
def opened(file: BinaryIO, where: str, reading: Reading) -> Iterator[ImageFile]:
    """See `segsweep.data.image_files`.

    Raises:
        InputError: several arrays, Python objects, or an array that is no image.
    """
    import numpy as np

    if file.read(len(NPY)) == NPY:
        file.seek(0)
        version = np.lib.format.read_magic(file)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = header(file)

        def decode() -> np.ndarray:
            file.seek(0)
            return np.load(file, allow_pickle=False)

        yield _image_file(where, shape, dtype, reading, decode)
        return
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        if len(arrays.files) != 1:
            raise InputError(
                f"{where}: {len(arrays.files)} arrays: {', '.join(arrays.files)}. An image is one. Save it alone."
            )
        values = arrays[arrays.files[0]]
        if not isinstance(values, np.ndarray):
            raise InputError(f"{where}: a ZIP file with {arrays.files[0]}, which is no array. Unpack it.")
        yield _image_file(where, values.shape, values.dtype, reading, lambda: values)


def _image_file(where: str, shape: tuple[int, ...], dtype, reading: Reading, decode) -> ImageFile:
    if len(shape) not in (2, 3) or 0 in shape:
        raise InputError(
            f"{where}: an array of the shape {shape}; an image is (height, width) or (height, width, "
            "channels). Save it so."
        )
    height, width, bands = (*shape, 1)[:3]
    if bands > FEW >= height and reading.channels != bands:
        raise ImageError(
            f"{where}: an array of the shape {shape}, which looks like (channels, height, width); an image is (height, "
            "width, channels).",
            remedy=f"Save np.moveaxis(image, 0, -1), or say `channels: {bands}` in the data set's file.",
            remedy_of_file="Save np.moveaxis(image, 0, -1).",
        )
    return ImageFile(height, width, bands, stored_dtype(where, dtype), decode)
