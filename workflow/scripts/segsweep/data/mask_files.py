"""Masks as they lie in files, and as class indices."""

from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

from segsweep.data.image_files import tiff
from segsweep.data.image_files.image_file import DEFAULT, HEAD, ORIENTATION
from segsweep.data.image_files.numpy_arrays import NPY
from segsweep.data.image_files.pixels import upright
from segsweep.data.palettes import Palette
from segsweep.errors import InputError

COLOR_MODES = ("1", "L", "P", "RGB")  # Pillow's, whose pixels are colors of 8 bits
VALUE_MODES = ("1", "L", "P", "I", "I;16", "I;16B", "I;16L")
OPAQUE = {"LA": "L", "RGBA": "RGB"}  # modes with transparency, and without
BYTE = 8
LOSSY = ("AVIF", "JPEG", "MPO", "JPEG2000")
RIFF_HEAD, CHUNK_HEAD = 12, 8  # bytes of a WebP file before its first chunk, and before the content of each
WITH_LOSS, WITHOUT_LOSS = b"VP8 ", b"VP8L"  # names of chunks
LOSSY_TIFF = (6, 7, 33003, 33005, 33007, 34712)  # JPEG and JPEG 2000


def read_mask(
    source: Path | bytes, palette: Palette | None = None, where: str | Path = "", *, turned: bool = True
) -> np.ndarray:
    """The values as they stand in a file, or in what one would hold.

    Args:
        source: an image of one channel or of colors, or an array as `numpy.save` writes it.
        palette: of the data set, if it has one: with colors, an indexed image is read by its colors, else by its
            indices; and only where it has ranges of values, a JPEG can be read at all.
        where: what problems name, if not the file.
        turned: whether it is turned as its EXIF orientation says.

    Returns:
        Whole numbers: (H, W), or (H, W, 3) of colors; of an array any shape.

    Raises:
        InputError: what is no mask, or would be read by luck.
        OSError, ValueError, SyntaxError: what cannot be read.
    """
    where = where or (source if isinstance(source, Path) else "an embedded mask")
    # An open file, as Pillow maps one that it opens itself into memory, and then turns some TIFFs wrongly.
    with source.open("rb") if isinstance(source, Path) else BytesIO(source) as file:
        head = file.read(HEAD)
        file.seek(0)
        if head.startswith(NPY):
            return _whole_numbers(np.load(file, allow_pickle=False), where)
        if tiff.matches(head) and _is_array(file, palette, where):
            with tiff.opened(file, str(where), DEFAULT) as image:
                values = _whole_numbers(image.decode(), where)
                return upright(values, image.orientation) if turned else values
        with _opened(file, where) as image:
            if getattr(image, "n_frames", 1) > 1:
                raise InputError(_several(where, image.n_frames))
            if (kind := _lossy_kind(image, file)) and not _has_ranges(palette):
                raise InputError(_lossy(where, kind))
            if not image.mode.startswith("I") and any(";16" in str(tile.args) for tile in image.tile):
                raise InputError(
                    f"{where}: several channels of 16 bits; a mask has one channel of whole numbers, or colors of 8 "
                    "bits. Save it so."
                )
            if not turned and image.format == "TIFF" and image.tag_v2.get(ORIENTATION, 1) != 1:
                raise InputError(
                    f"{where}: a TIFF of colors or indices with a tag Orientation, which cannot be ignored. Save a PNG."
                )
            image.load()  # turns a TIFF, which would be turned a second time below
            return _values(ImageOps.exif_transpose(image) if turned else image, palette, where)


def _is_array(file: BinaryIO, palette: Palette | None, where: str | Path) -> bool:
    """Whether a TIFF holds values of 8 bits or more, of which Pillow does not read all; else indices or colors.

    Raises:
        InputError: as `read_mask`.
    """
    with tiff.tiff_file(file, str(where), []) as found:
        pages = tiff.pages_of(str(where), found)
        if len(pages) > 1:
            raise InputError(_several(where, len(pages)))
        if pages[0].compression in LOSSY_TIFF and not _has_ranges(palette):
            raise InputError(_lossy(where, "JPEG"))
        grey = pages[0].axes == "YX" and pages[0].photometric == tiff.BLACK_IS_0 and pages[0].bitspersample == BYTE
    file.seek(0)
    return grey or pages[0].dtype not in (np.uint8, np.bool_)


def _opened(file: BinaryIO, where: str | Path) -> Image.Image:
    try:
        return Image.open(file)
    except Image.UnidentifiedImageError:
        raise InputError(
            f"{where}: no image of a known format. A mask is a PNG, another image without loss, or a .npy file."
        ) from None


def _values(image: Image.Image, palette: Palette | None, where: str | Path) -> np.ndarray:
    """The values of an image: (H, W), or (H, W, 3) of colors."""
    if image.mode in OPAQUE:
        transparent = int((np.asarray(image.getchannel("A")) < 255).sum())
        if transparent:
            raise InputError(
                f"{where}: {transparent} transparent pixels. A mask says by its values what a pixel is, not by "
                "transparency: save it without an alpha channel, with the value of a class or of void there."
            )
        image = image.convert(OPAQUE[image.mode])
    by_color = palette is not None and palette.colors
    if by_color and image.mode in COLOR_MODES:
        return np.asarray(image.convert("RGB"))
    values = np.asarray(image)
    if image.mode == "RGB":
        return values[..., 0] if (values == values[..., :1]).all() else values
    if by_color or image.mode not in VALUE_MODES:
        kind = "colors of 8 bits" if by_color else "one channel of whole numbers, or colors of 8 bits"
        raise InputError(f"{where}: mode {image.mode}, {values.dtype}; a mask has {kind}. Save it so.")
    return values.astype(np.uint8) if values.dtype == bool else values


def _has_ranges(palette: Palette | None) -> bool:
    return palette is not None and any(first < last for first, last, _ in palette.ranges)


def _several(where: str | Path, count: int) -> str:
    return f"{where}: {count} images in one file; a mask is one. Save each in a file of its own."


def _lossy_kind(image: Image.Image, file: BinaryIO) -> str | None:
    """What a file is called whose pixels are not those that were saved. Of a WebP its first chunk of pixels says so."""
    if image.format in LOSSY:
        return image.format
    place, position = file.tell(), RIFF_HEAD
    kind = b"" if image.format == "WEBP" else WITHOUT_LOSS
    while kind not in (WITHOUT_LOSS, WITH_LOSS):
        file.seek(position)
        kind, size = file.read(4), int.from_bytes(file.read(4), "little")
        position += CHUNK_HEAD + size + size % 2
        kind = kind or WITHOUT_LOSS  # the file ends, as Pillow will say
    file.seek(place)
    return "WebP with loss" if kind == WITH_LOSS else None


def _lossy(where: str | Path, kind: str) -> str:
    return (
        f"{where}: {kind}, which blurs values at the edges of classes, so that some pixels become other classes. "
        "Export the masks as PNG, or say in `palette` which ranges of values are meant: {CLASS: 0-127, OTHER: 128-255}."
    )


def _whole_numbers(values: np.ndarray, where: str | Path) -> np.ndarray:
    if values.dtype.kind not in "biu":
        raise InputError(
            f"{where}: type {values.dtype}: a mask holds whole numbers. Save it as such: mask.astype('uint8') in NumPy."
        )
    return values.astype(np.uint8) if values.dtype == bool else values
