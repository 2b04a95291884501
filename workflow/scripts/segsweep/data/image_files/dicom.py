"""DICOM, by pydicom: a file with one image. A series is read by the reader `volumes`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from segsweep.data.image_files.image_file import ImageFile, Reading, chosen_page, library
from segsweep.errors import InputError

if TYPE_CHECKING:
    import numpy as np

WHITE_IS_0, BLACK_IS_0 = "MONOCHROME1", "MONOCHROME2"
COLORS = (WHITE_IS_0, BLACK_IS_0, "RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")  # pydicom makes them RGB


def matches(head: bytes) -> bool:
    """See `segsweep.data.image_files`."""
    return head[128:132] == b"DICM"


@contextmanager
def opened(file: BinaryIO, where: str, reading: Reading) -> Iterator[ImageFile]:
    """See `segsweep.data.image_files`.

    Raises:
        InputError: pydicom is not here, or the file holds no image.
    """
    data = load(file, where)
    page = chosen_page(where, int(data.get("NumberOfFrames", 1) or 1), reading)
    bands = int(data.get("SamplesPerPixel", 1))
    kind = str(data.get("PhotometricInterpretation", BLACK_IS_0))
    yield ImageFile(
        int(data.Rows),
        int(data.Columns),
        bands,
        dtype_of(data),
        lambda: values_of(data, page),
        None if kind in COLORS else kind,
    )


def load(file: BinaryIO, where: str):
    """A data set of pydicom.

    Raises:
        InputError: pydicom is not here, or the file holds no image.
    """
    pydicom = library("pydicom", where, "DICOM files")
    try:
        data = pydicom.dcmread(file)
    except (pydicom.errors.InvalidDicomError, EOFError) as error:
        raise InputError(f"{where}: cannot be read as DICOM ({error}). Replace the file.") from error
    if "PixelData" not in data or "Rows" not in data:
        raise InputError(f"{where}: a DICOM file without an image. Take it out of the folder or the list.")
    return data


def dtype_of(data) -> str:
    """The dtype of the values, once rescaled: uint8, uint16 or float32."""
    bits, signed = int(data.BitsAllocated), bool(data.get("PixelRepresentation", 0))
    return "float32" if _is_rescaled(data) or signed or bits > 16 else f"uint{max(bits, 8)}"


def values_of(data, page: int | None = 0) -> np.ndarray:
    """(H, W) or (H, W, bands) of one frame, or with None of all frames, in the unit of the rescale slope and intercept.

    Of CT, these are Hounsfield units.
    """
    import numpy as np
    from pydicom.pixels import apply_modality_lut, pixel_array

    values = pixel_array(data, index=page)
    if data.get("PhotometricInterpretation") == WHITE_IS_0:
        stored = int(data.BitsStored)
        top = 2 ** (stored - 1) - 1 if data.get("PixelRepresentation", 0) else 2**stored - 1
        lowest = -top - 1 if data.get("PixelRepresentation", 0) else 0
        values = (top + lowest - values.astype(np.int64)).astype(values.dtype)
    return apply_modality_lut(values, data).astype(np.float32) if _is_rescaled(data) else values


def _is_rescaled(data) -> bool:
    return "RescaleSlope" in data or "ModalityLUTSequence" in data
