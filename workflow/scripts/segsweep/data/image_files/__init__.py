"""Images as they lie in files, of any format, number of channels and depth; a module for each family of formats.

What a file is is asked of its first bytes, never of its name; channels and depth are asked of the file, never of what a
library makes of it. A module of a family has

matches(head) -> bool                              whether these first bytes are those of its format
opened(path, reading) -> context of an ImageFile   what the header says, and how to decode the rest

Numpy and the decoders are imported where they are used: planning asks for `pixel_format` without most of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from segsweep.data.image_files import codestreams, dicom, nifti, numpy_arrays, raster, tiff
from segsweep.data.image_files.image_file import DEFAULT, HEAD, ImageFile, Reading
from segsweep.data.image_files.pixels import checked_color, finished
from segsweep.errors import InputError

if TYPE_CHECKING:
    import numpy as np

FAMILIES = (tiff, numpy_arrays, nifti, dicom, codestreams, raster)  # the last one takes what the others do not
MOST_PIXELS = 178_956_970  # in one image, as Pillow has it: more is a mistake, or made to fill the memory


def read_image(path: Path, reading: Reading = DEFAULT, warnings: list[str] | None = None) -> np.ndarray:
    """An image as it is in its file, upright.

    Args:
        path: the file.
        reading: what the data set's file says of its images.
        warnings: to which what was odd and let pass is added.

    Returns:
        uint8, uint16 or float32 (H, W, C): grey has one channel, colors are RGB, further bands are kept.

    Raises:
        InputError: what would be read wrongly, and how to say or save it rightly.
        Exception: of the decoders, of many kinds, for files that are broken.
    """
    with _opened(path, reading) as image:
        return finished(path, image, reading, [] if warnings is None else warnings)


def image_size(path: Path, reading: Reading = DEFAULT) -> tuple[int, int]:
    """Height and width of an image once it is upright, from its header. Raises as `read_image`."""
    with _opened(path, reading) as image:
        return image.upright_size(reading)


def pixel_format(path: Path, reading: Reading = DEFAULT) -> tuple[int, str]:
    """Channels and dtype (uint8, uint16, float32) that `read_image` gives, from the header. Raises as `read_image`."""
    with _opened(path, reading) as image:
        return image.channels(reading), image.dtype


def orientation(path: Path) -> int:
    """How the pixels of a file lie, by the tag Orientation of EXIF and TIFF: 1 upright, 2 to 8 not."""
    with _opened(path, DEFAULT) as image:
        return image.orientation


def geo_tags(path: Path) -> dict[int, tuple]:
    """The GeoTIFF tags of an image, (type, count, value) by number; empty where it has none, or is not a TIFF.

    Source: OGC GeoTIFF Standard 19-008r4, and GDAL's tag 42113 for the value that means "no data".
    """
    with _opened(path, DEFAULT) as image:
        return image.geo


@contextmanager
def _opened(path: Path, reading: Reading) -> Iterator[ImageFile]:
    with path.open("rb") as file:
        head = file.read(HEAD)
    family = next(one for one in FAMILIES if one.matches(head))
    with family.opened(path, reading) as image:
        if image.height * image.width > MOST_PIXELS:
            raise InputError(
                f"{path}: {image.width}x{image.height} pixels; an image has at most {MOST_PIXELS:,}. Cut it into tiles."
            )
        checked_color(path, image, reading)
        yield image
