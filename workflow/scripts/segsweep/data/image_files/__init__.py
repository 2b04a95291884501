"""Images as they lie in files, of any format, number of channels and depth; a module for each family of formats.

What a file is is asked of its first bytes, never of its name; channels and depth are asked of the file, never of what a
library makes of it. A module of a family has

matches(head) -> bool                                     whether these first bytes are those of its format
opened(file, where, reading) -> context of an ImageFile   what the header says, and how to decode the rest

Numpy and the decoders are imported where they are used: planning asks for `pixel_format` without most of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from segsweep.data.file_kinds import not_a_file
from segsweep.data.image_files import codestreams, dicom, nifti, numpy_arrays, raster, tiff
from segsweep.data.image_files.image_file import DEFAULT, HEAD, ImageFile, Reading
from segsweep.data.image_files.pixels import checked_color, finished
from segsweep.disk_errors import refused_by_disk
from segsweep.errors import InputError

if TYPE_CHECKING:
    import numpy as np

FAMILIES = (tiff, numpy_arrays, nifti, dicom, codestreams, raster)  # the last one takes what the others do not
MOST_PIXELS = 178_956_970  # in one image, as Pillow has it: more is a mistake, or made to fill the memory


def read_image(
    source: Path | bytes, reading: Reading = DEFAULT, warnings: list[str] | None = None, where: str = ""
) -> np.ndarray:
    """An image as it is in its file, upright.

    Args:
        source: the file, or what one would hold.
        reading: what the data set's file says of its images.
        warnings: to which what was odd and let pass is added.
        where: what problems name, if not the file.

    Returns:
        uint8, uint16 or float32 (H, W, C): gray has one channel, colors are RGB, further bands are kept.

    Raises:
        InputError: what would be read wrongly, and how to say or save it rightly.
        Exception: of the decoders, of many kinds, for files that are broken.
    """
    where = where or _place(source)
    with _opened(source, reading, where) as image:
        return finished(where, image, reading, [] if warnings is None else warnings)


def image_size(source: Path | bytes, reading: Reading = DEFAULT) -> tuple[int, int]:
    """Height and width of an image once it is upright, from its header. Raises as `read_image`."""
    with _opened(source, reading) as image:
        return image.upright_size(reading)


def pixel_format(source: Path | bytes, reading: Reading = DEFAULT) -> tuple[int, str]:
    """Channels and dtype (uint8, uint16, float32) that `read_image` gives, from the header. Raises as `read_image`."""
    with _opened(source, reading) as image:
        return image.channels(reading), image.dtype


def orientation(source: Path | bytes, reading: Reading = DEFAULT) -> int:
    """How the pixels of a file lie, by the tag Orientation of EXIF and TIFF: 1 upright, 2 to 8 not."""
    with _opened(source, reading) as image:
        return image.orientation


def reading_revision(source: Path) -> int:
    """Which reading gave an image the pixels that it has: trainings on what an earlier one gave are other trainings.

    1 for upright images of 8-bit gray or RGB, and where the header cannot be read. 2 for all others: the first reading
    lost bits, bands or the orientation.
    """
    try:
        with _opened(source, DEFAULT) as image:
            plain = image.orientation == 1 and image.dtype == "uint8" and image.channels(DEFAULT) in (1, 3)
    except Exception as error:  # of the decoders, of many kinds: preparation says what is wrong
        if refused_by_disk(error):
            raise
        return 1
    return 1 if plain else 2


def geo_tags(source: Path | bytes, reading: Reading = DEFAULT) -> dict[int, tuple]:
    """The GeoTIFF tags of an image, (type, count, value) by number; empty where it has none, or is not a TIFF.

    They speak of the pixels as they are stored, so that there are none where the tag Orientation turns these.

    Source: OGC GeoTIFF Standard 19-008r4.
    """
    with _opened(source, reading) as image:
        return image.geo


@contextmanager
def _opened(source: Path | bytes, reading: Reading, where: str = "") -> Iterator[ImageFile]:
    where = where or _place(source)
    if isinstance(source, Path) and (wrong := not_a_file(source)):
        raise InputError(f"{where}: {wrong}. Put an image there, or leave it out.")
    with BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        head = file.read(HEAD)
        file.seek(0)
        family = next(one for one in FAMILIES if one.matches(head))
        with family.opened(file, where, reading) as image:
            if image.height * image.width > MOST_PIXELS:
                size = f"{image.width}x{image.height}"
                raise InputError(f"{where}: {size} pixels; an image has at most {MOST_PIXELS:,}. Cut it into tiles.")
            checked_color(where, image, reading)
            yield image


def _place(source: Path | bytes) -> str:
    return "an embedded image" if isinstance(source, bytes) else str(source)
