"""From decoded values to an image: its alpha channel, its orientation, its type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segsweep.data.image_files.image_file import TURNED, ImageFile, Reading
from segsweep.data.image_kinds import DTYPES
from segsweep.errors import ImageError, InputError

if TYPE_CHECKING:
    import numpy as np

KEPT_COLORS = {"CMYK": 4}  # color models that are kept where the data set's file says so many channels


def stored_dtype(where: str, dtype: np.dtype | str) -> str:
    """The dtype that values of another one are kept in: what is not uint8 or uint16 becomes float32.

    Raises:
        InputError: they are not numbers, or complex ones.
    """
    import numpy as np

    dtype = np.dtype(dtype)
    if dtype.kind not in "uif":
        kinds = {"b": "true and false", "c": "complex numbers", "O": "Python objects"}
        found = kinds.get(dtype.kind, f"values of the type {dtype}")
        raise InputError(f"{where}: {found}; an image has whole or real numbers. Save it as uint8, uint16 or float32.")
    name = dtype.newbyteorder("=").name
    return name if name in DTYPES else "float32"


def checked_color(where: str, image: ImageFile, reading: Reading) -> None:
    """Raises InputError for colors that would have to be converted."""
    if image.color is None or reading.channels == KEPT_COLORS.get(image.color, -1):
        return
    keep = f", or keep its bands with `channels: {image.bands}` in the data set's file" * (image.color in KEPT_COLORS)
    raise ImageError(
        f"{where}: {image.color}, which is neither gray nor RGB, and would not be the same in other programs once "
        "converted.",
        remedy=f"Convert it to RGB with the program of your choice{keep}.",
        remedy_of_file="Convert it to RGB with the program of your choice.",
    )


def finished(where: str, image: ImageFile, reading: Reading, warnings: list[str]) -> np.ndarray:
    """The image of an open file, see `segsweep.data.image_files.read_image`.

    Raises:
        InputError: transparent pixels, or values that no type of images holds.
    """
    import numpy as np

    values = image.decode()
    values = values[..., None] if values.ndim == 2 else values
    if values.shape != (image.height, image.width, image.bands):
        raise InputError(
            f"{where}: decoded to the shape {values.shape}, though its header says {image.height} rows, {image.width} "
            f"columns and {image.bands} bands. Save it again."
        )
    warnings += image.warnings
    if image.alpha is not None and not image.keeps_alpha(reading):
        values = _without_alpha(where, values, image, reading, warnings)
    if reading.orientation == "exif":
        values = upright(values, image.orientation)
    elif image.orientation != 1:
        warnings.append("the orientation that EXIF names is ignored")
    return np.ascontiguousarray(converted(where, values))


def upright(values: np.ndarray, orientation: int) -> np.ndarray:
    """(H, W, ...) turned and mirrored as the tag Orientation says.

    Source: TIFF 6.0, section 8, tag 274; the names of 1 to 8 say where row 0 and column 0 of the file belong.
    """
    if orientation in TURNED:  # row 0 belongs to a side
        values = values.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    return values


def _without_alpha(
    where: str, values: np.ndarray, image: ImageFile, reading: Reading, warnings: list[str]
) -> np.ndarray:
    import numpy as np

    alpha = values[..., image.alpha]
    opaque = np.iinfo(values.dtype).max if values.dtype.kind == "u" else 1
    transparent = int((alpha != opaque).sum())
    if transparent and reading.alpha != "drop":
        raise ImageError(
            f"{where}: {transparent} of {alpha.size} pixels are transparent, so that their colors may mean nothing.",
            remedy="Say `alpha: drop` in the data set's file to take their colors anyway, or "
            f"`channels: {image.bands}` to keep the alpha channel (or what is marked as such) as a channel; or save "
            "the images without it.",
            remedy_of_file="Save the image without its alpha channel.",
        )
    warnings.append(
        "an alpha channel is left out, with transparent pixels"
        if transparent
        else "an alpha channel is left out, all opaque"
    )
    return np.delete(values, image.alpha, axis=2)


def converted(where: str, values: np.ndarray) -> np.ndarray:
    """In the machine's byte order, as uint8, uint16 or, where that holds every value, float32.

    Raises:
        InputError: truth values, complex numbers, or whole numbers that float32 cannot hold.
    """
    import numpy as np

    kind, dtype = values.dtype.kind, stored_dtype(where, values.dtype)
    with np.errstate(over="ignore"):
        result = values.astype(dtype, copy=False)
    if kind in "ui" and result.dtype != values.dtype.newbyteorder("=") and (result.astype(np.float64) != values).any():
        raise InputError(
            f"{where}: {values.dtype} with values up to {values.max()}, of which float32 holds only those up to "
            f"{2**24:,} exactly. Scale them, and save them as uint16 or float32."
        )
    if kind == "f" and (np.isinf(result) & np.isfinite(values)).any():
        raise InputError(f"{where}: {values.dtype} with values beyond those of float32. Scale them.")
    return result
