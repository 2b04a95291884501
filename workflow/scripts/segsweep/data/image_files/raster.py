"""PNG, JPEG, WebP, BMP and the like, by Pillow; PNG of 16 bits, of which Pillow drops a byte, by imagecodecs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from segsweep.data.image_files.image_file import ORIENTATION, ImageFile, Reading, chosen_page
from segsweep.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

FORMATS = ("BMP", "DIB", "GIF", "JPEG", "MPO", "PCX", "PNG", "PPM", "TGA", "WEBP")
OPAQUE = ("L", "RGB")  # modes
DEEP = {"I": 1, "L": 1, "LA": 2, "RGB": 3, "RGBA": 4}  # bands of a PNG of 16 bits, by Pillow's raw mode
NO_ALPHA = (1, 3)  # numbers of bands
SHOWN = 24  # first bytes of what is no image
OTHER_COLORS = ("CMYK", "YCbCr", "LAB", "HSV")  # modes that are never converted


def matches(head: bytes) -> bool:
    """Pillow says so itself."""
    return True


@contextmanager
def opened(file: BinaryIO, where: str, reading: Reading) -> Iterator[ImageFile]:
    """See `segsweep.data.image_files`.

    Raises:
        InputError: no image, or of a format or depth that Pillow does not read whole.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        image = Image.open(file)
    except UnidentifiedImageError:
        file.seek(0)
        raise InputError(
            f"{where}: not an image of a known format; it begins with {file.read(SHOWN)!r}. Replace the file, or save "
            "it as PNG or TIFF."
        ) from None
    except Image.DecompressionBombError as error:
        size = str(error).partition(",")[0]
        raise InputError(f"{where}: {size}. Replace the file, or cut the image into tiles.") from error
    with image:
        if image.format not in FORMATS:
            raise InputError(f"{where}: {image.format}, which is not read. Save it as PNG or TIFF.")
        frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)  # further ones of a photo are previews
        page = chosen_page(where, frames, reading)
        if page:
            image.seek(page)
        yield _image_file(file, where, image)


def _image_file(file: BinaryIO, where: str, image: Image.Image) -> ImageFile:
    # Before EXIF is looked for: it may stand behind the pixels, which are then decoded.
    deep = _deep_bands(where, image)
    turned = image.getexif().get(ORIENTATION)
    if deep is not None:
        bands, dtype, decode, color, has_alpha = deep, "uint16", _deep(file), None, deep not in NO_ALPHA
    elif image.mode in OTHER_COLORS:
        bands, color, has_alpha = len(image.getbands()), image.mode, False
        dtype, decode = "uint8", _decoder(image, image.mode)
    else:
        mode = _mode(where, image)
        bands, dtype, decode, color, has_alpha = len(mode), "uint8", _decoder(image, mode), None, mode not in OPAQUE
    return ImageFile(
        image.height,
        image.width,
        bands,
        dtype,
        decode,
        color,
        alpha=bands - 1 if has_alpha else None,
        orientation=turned if turned in range(1, 9) else 1,
    )


def _mode(where: str, image: Image.Image) -> str:
    """The mode that holds an 8-bit image whole: L, LA, RGB or RGBA."""
    gray = image.mode in ("1", "L", "LA")
    if not gray and image.mode not in ("P", "PA", "RGB", "RGBA"):
        raise InputError(
            f"{where}: Pillow's mode {image.mode}, which is not read. Save it as PNG or TIFF of 8 or 16 bits."
        )
    return ("L" if gray else "RGB") + "A" * image.has_transparency_data


def _decoder(image: Image.Image, mode: str) -> Callable[[], np.ndarray]:
    def decode() -> np.ndarray:
        import numpy as np

        image.load()
        return np.asarray(image if image.mode == mode else image.convert(mode))

    return decode


def _deep_bands(where: str, image: Image.Image) -> int | None:
    """Bands of an image of 16 bits; None if it has 8.

    Raises:
        InputError: it has more than 8 bits, and no decoder here keeps them.
    """
    args = image.tile[0].args if image.tile else ()
    if image.format == "PNG" and isinstance(args, str) and ";16" in args:
        if "transparency" in image.info:
            raise InputError(f"{where}: 16 bits with a color that is transparent (tRNS). Save it without.")
        return DEEP[args.partition(";")[0]]
    if image.format == "PPM" and isinstance(args, tuple) and int(args[1]) > 255:
        raise InputError(
            f"{where}: a {image.format} file of more than 8 bits, which is not read. Save it as PNG or TIFF."
        )
    return None


def _deep(file: BinaryIO) -> Callable[[], np.ndarray]:
    def decode() -> np.ndarray:
        import imagecodecs

        file.seek(0)
        return imagecodecs.png_decode(file.read())

    return decode
