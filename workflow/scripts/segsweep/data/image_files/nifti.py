"""NIfTI, by nibabel: one slice as an image. A volume is read by the reader `volumes`."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from segsweep.data.image_files.image_file import HEAD, ImageFile, Reading, library
from segsweep.data.image_files.pixels import stored_dtype
from segsweep.errors import ImageError, InputError

if TYPE_CHECKING:
    import numpy as np

GZIP = b"\x1f\x8b"
SIZES = (348, 540)  # of the header of NIfTI-1 and NIfTI-2, which is its first number


def matches(head: bytes) -> bool:
    """See `segsweep.data.image_files`."""
    if head.startswith(GZIP):
        try:
            head = zlib.decompressobj(31).decompress(head, HEAD)
        except zlib.error:
            return False
    return _header_size(head) is not None


def _header_size(head: bytes) -> int | None:
    """The size of the header, which is its first number in either byte order; None of what is not NIfTI."""
    sizes = {struct.unpack(order, head[:4])[0] for order in ("<i", ">i")} if len(head) >= 4 else set()
    return next(iter(sizes.intersection(SIZES)), None)


@contextmanager
def opened(file: BinaryIO, where: str, reading: Reading) -> Iterator[ImageFile]:
    """See `segsweep.data.image_files`.

    Raises:
        InputError: more than one slice.
    """
    volume = load(file, where)
    shape = [side for i, side in enumerate(volume.shape) if side > 1 or i < 2]
    if len(shape) != 2:
        raise ImageError(
            f"{where}: a volume of {'x'.join(map(str, volume.shape))} voxels.",
            remedy="Its slices are images with `reader: volumes` in the data set's file.",
            remedy_of_file="Save each of its slices as an image of its own.",
        )
    width, height = shape
    yield ImageFile(height, width, 1, _dtype_of(where, volume), lambda: values_of(volume).reshape(width, height).T)


def load(file: BinaryIO, where: str):
    """A volume of nibabel, whose values are not read yet.

    Raises:
        InputError: nibabel is not here, or the file is none of its formats.
    """
    nibabel = library("nibabel", where, "NIfTI files")
    if file.read(len(GZIP)) == GZIP:
        file.seek(0)
        file = gzip.GzipFile(fileobj=file)
    file.seek(0)
    size = file.read(4)
    file.seek(0)
    kind = nibabel.Nifti2Image if _header_size(size) == SIZES[1] else nibabel.Nifti1Image
    try:
        return kind.from_stream(file)
    except (nibabel.filebasedimages.ImageFileError, nibabel.spatialimages.HeaderDataError, EOFError) as error:
        raise InputError(f"{where}: cannot be read as NIfTI ({error}). Replace the file.") from error


def _dtype_of(where: str, volume) -> str:
    """The dtype of the values, once scaled: uint8, uint16 or float32."""
    return "float32" if _is_scaled(volume) else stored_dtype(where, volume.get_data_dtype())


def values_of(volume, chosen: tuple = ()) -> np.ndarray:
    """The values of a volume, or of a part of it (a tuple of slices), scaled as its header says."""
    import numpy as np

    if _is_scaled(volume):
        return np.asarray(volume.dataobj[chosen], np.float32)
    return np.asarray(volume.dataobj.get_unscaled() if chosen == () else volume.dataobj[chosen])


def _is_scaled(volume) -> bool:
    slope, inter = volume.dataobj.slope, volume.dataobj.inter
    return (slope, inter) != (1, 0)
