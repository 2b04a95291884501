"""TIFF, BigTIFF and GeoTIFF of any number of bands and pages, by tifffile."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING, BinaryIO

from segsweep.data.image_files.image_file import ORIENTATION, ImageFile, Reading, chosen_page, several_pages
from segsweep.data.image_files.pixels import stored_dtype
from segsweep.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from tifffile import TiffFile, TiffPage

HEADS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
GDAL_NODATA = 42113
ODD_TAG = "<TiffTag."  # scanners write some of their own wrongly, which changes no pixel
GEO = (33550, 33922, 34264, 34735, 34736, 34737)  # scale, tie points, transformation, keys with their numbers and texts
WHITE_IS_0, BLACK_IS_0, RGB, PALETTE, CMYK, YCBCR = 0, 1, 2, 3, 5, 6  # photometric interpretation
JPEGS = (6, 7, 34892)  # compressions that decode YCbCr to RGB themselves
ALPHA = (1, 2)  # of the tag ExtraSamples
NODATA = (
    "pixels have the value that GDAL writes where there are no data ({}), and are read like others; their mask value "
    "should be that of `void`"
)
COLORS = {CMYK: "CMYK", YCBCR: "YCbCr", 8: "CIELAB", 9: "ICCLAB", 10: "ITULAB"}
CHANNELS = ", or with `page: channels` that each page is a channel of one image"


def matches(head: bytes) -> bool:
    """See `segsweep.data.image_files`."""
    return head.startswith(HEADS)


@contextmanager
def opened(file: BinaryIO, where: str, reading: Reading) -> Iterator[ImageFile]:
    """See `segsweep.data.image_files`.

    Raises:
        InputError: several pages, what is no plain image, or a file that is cut off.
    """
    said: list[str] = []
    with tiff_file(file, where, said) as tiff:
        pages = pages_of(where, tiff)
        if reading.page == "channels":
            yield _stacked(where, pages, said)
            return
        if len(pages) > 1 and reading.page is None:
            raise several_pages(where, len(pages), CHANNELS)
        image = _image_file(where, pages[chosen_page(where, len(pages), reading)], said)
        if any(page.is_mask for page in tiff.pages):
            said.append("a mask of transparency inside of TIFF files is left out")
        yield image


@contextmanager
def tiff_file(file: BinaryIO, where: str, warnings: list[str]) -> Iterator[TiffFile]:
    """A file of tifffile, which goes on where a file is corrupted, such as one that ends before its last pages.

    Args:
        file: the open file.
        where: what problems name.
        warnings: to which what tifffile finds odd is added.

    Raises:
        InputError: it is corrupted.
    """
    import tifffile

    heard = _Heard(warnings)
    tifffile.logger().addHandler(heard)
    try:
        with tifffile.TiffFile(file, name=where) as tiff:
            yield tiff
    finally:
        tifffile.logger().removeHandler(heard)
    if heard.errors:
        raise InputError(f"{where}: a corrupted TIFF ({heard.errors[0]}). Replace the file.")


class _Heard(logging.Handler):
    """What tifffile says in this thread, without the places in the file that it begins with."""

    def __init__(self, warnings: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._thread, self.errors, self._warnings = get_ident(), [], warnings

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            message = record.getMessage()
            of_pages = record.levelno >= logging.ERROR and not message.startswith(ODD_TAG)
            (self.errors if of_pages else self._warnings).append(re.sub(r"^<[^>]*> ", "", message))


def pages_of(where: str, file: TiffFile) -> list[TiffPage]:
    """The images of a file, without smaller copies and masks of transparency.

    Raises:
        InputError: it holds more images than it lists, as long stacks of ImageJ do, or its list of images has no end.
    """
    pages, seen = [], set()
    for page in file.pages:
        if page.offset in seen:
            raise InputError(
                f"{where}: a corrupted TIFF, whose list of images leads back to its own. Replace the file."
            )
        seen.add(page.offset)
        if not page.is_reduced and not page.is_mask:
            pages.append(page)
    counted = (file.imagej_metadata or {}).get("images", 1) if file.is_imagej else 1
    if len(pages) == 1 and counted > 1:
        raise InputError(f"{where}: a stack of ImageJ that lists one of its {counted} images. Save each in a file.")
    if not pages:
        raise InputError(f"{where}: a TIFF without an image. Replace the file.")
    return pages


def stack_of(where: str, pages: list[TiffPage]) -> np.ndarray:
    """(pages, height, width) or (pages, height, width, 3) of pages of one kind.

    Raises:
        InputError: they are of several kinds, or neither gray nor RGB.
    """
    import numpy as np

    return np.stack([one.decode() for one in _alike(where, pages, (1, 3), [])])


def _alike(where: str, pages: list[TiffPage], bands: tuple[int, ...], warnings: list[str]) -> list[ImageFile]:
    files = [_image_file(where, page, warnings) for page in pages]
    kinds = {(one.height, one.width, one.bands, one.dtype) for one in files}
    if len(kinds) > 1 or files[0].bands not in bands or any(one.color for one in files):
        found = ", ".join(
            f"{width}x{height}, {bands} bands of {dtype}" for height, width, bands, dtype in sorted(kinds)
        )
        raise InputError(f"{where}: pages that do not belong together: {found}. Save those of one kind in a file.")
    return files


def _stacked(where: str, pages: list[TiffPage], warnings: list[str]) -> ImageFile:
    """Pages as the channels of one image."""
    import numpy as np

    files = _alike(where, pages, (1,), warnings)
    first = files[0]
    return ImageFile(
        first.height,
        first.width,
        len(files),
        first.dtype,
        lambda: np.stack([one.decode() for one in files], axis=2),
        orientation=first.orientation,
        geo=first.geo,
        warnings=warnings,
    )


def _image_file(where: str, page: TiffPage, warnings: list[str]) -> ImageFile:
    photometric = BLACK_IS_0 if page.photometric is None else int(page.photometric)
    several_indices = photometric == PALETTE and page.samplesperpixel > 1
    if page.dtype is None or page.axes not in ("YX", "YXS", "SYX") or several_indices:
        raise InputError(
            f"{where}: a TIFF of the axes {page.axes} and values {page.dtype}"
            f"{', indexed and with further bands' * several_indices}, which is not read. Save it again."
        )
    color = None if photometric == YCBCR and int(page.compression) in JPEGS else COLORS.get(photometric)
    if color is None and photometric not in (WHITE_IS_0, BLACK_IS_0, RGB, PALETTE, YCBCR):
        color = page.photometric.name
    bands = 3 if photometric == PALETTE else page.samplesperpixel
    extra = [int(kind) for kind in page.extrasamples]
    alpha = next((bands - len(extra) + i for i, kind in enumerate(extra) if kind in ALPHA), None)
    turned = int(page.tags.valueof(ORIENTATION, 1))
    turned = turned if 1 <= turned <= 8 else 1
    geo = {tag.code: (int(tag.dtype), tag.count, tag.value) for tag in page.tags if tag.code in GEO and turned == 1}
    dtype = "uint8" if page.dtype == bool or photometric == PALETTE else stored_dtype(where, page.dtype)
    return ImageFile(
        page.imagelength,
        page.imagewidth,
        bands,
        dtype,
        _decoder(where, page, photometric, warnings),
        color,
        alpha,
        turned,
        geo,
        warnings,
    )


def _decoder(where: str, page: TiffPage, photometric: int, warnings: list[str]) -> Callable[[], np.ndarray]:
    def decode() -> np.ndarray:
        import numpy as np

        _check_whole(where, page)
        values = page.asarray()
        if GDAL_NODATA in page.tags and (values == page.nodata).any():
            warnings.append(NODATA.format(page.nodata))
        if page.axes == "SYX":
            values = np.moveaxis(values, 0, -1)
        if photometric == PALETTE:
            # Colors have 16 bits; some programs wrote 8, which the readers of other projects look out for, too.
            colors = page.colormap.T if page.colormap.max() < 256 else page.colormap.T >> 8
            return colors.astype(np.uint8)[values]
        values = _whole_bytes(values, page.bitspersample)
        return _inverted(where, values, page) if photometric == WHITE_IS_0 else values

    return decode


def _check_whole(where: str, page: TiffPage) -> None:
    """Raises InputError where the file ends before the pixels do: what is missing would be read as zeros."""
    end = max((start + length for start, length in zip(page.dataoffsets, page.databytecounts, strict=True)), default=0)
    size = page.parent.filehandle.size
    if end > size:
        raise InputError(f"{where}: ends after {size} bytes of at least {end}. Replace the file.")


def _whole_bytes(values: np.ndarray, bits: int) -> np.ndarray:
    """Values of fewer than 8 bits over the range of 8."""
    import numpy as np

    if bits >= 8:
        return values
    return values.astype(np.uint8) * np.uint8(255 // (2**bits - 1))


def _inverted(where: str, values: np.ndarray, page: TiffPage) -> np.ndarray:
    """Of an image in which 0 is white."""
    if values.dtype.kind != "u":
        raise InputError(f"{where}: {values.dtype} in which 0 is white. Save it with 0 as black.")
    return values.dtype.type(2 ** max(page.bitspersample, 8) - 1) - values
