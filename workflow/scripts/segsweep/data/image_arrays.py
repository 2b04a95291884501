"""Images as arrays (H, W, C), uint8, uint16 or float32: how they are stored, resized and filled beyond their edge."""

import cv2
import numpy as np

from segsweep.data.image_kinds import DTYPES, RGB, kept_channels
from segsweep.errors import ImageError, InputError
from segsweep.formatting import plural

FILL = (124, 116, 104)  # of 8-bit RGB beyond an image's edge: ImageNet's mean color, nearly zero once normalized


def is_rgb8(channels: int, dtype: np.dtype | str) -> bool:
    """Whether images are 8-bit RGB, whose fill and statistics are ImageNet's."""
    return channels == RGB and np.dtype(dtype) == np.uint8


def as_stored(image: np.ndarray, channels: int | None, where: str) -> np.ndarray:
    """An image as preparation stores it. Values stay as they are.

    Args:
        image: (H, W) or (H, W, C).
        channels: that the data set's file asks for; None for those that there are. A single band of integers is gray,
            and becomes three equal channels if nothing is asked for; of floats, only if three are.
        where: file or name of the image, for problems.

    Returns:
        uint8, uint16 or float32 (H, W, C).

    Raises:
        InputError: it has another shape, type or number of channels, or values that are not finite.
    """
    if image.ndim not in (2, 3) or 0 in image.shape:
        raise InputError(
            f"{where}: an array of the shape {image.shape} is no image; one is (height, width) or (height, width, "
            "channels), no side 0. Write it again."
        )
    if image.dtype.name not in DTYPES:
        raise InputError(
            f"{where}: values of the type {image.dtype}; an image has {', '.join(DTYPES)}. Convert it to the one that "
            "holds its values."
        )
    if image.ndim == 2:
        image = image[..., None]
    bands = image.shape[2]
    wanted = channels or kept_channels(bands, image.dtype.name)
    if bands == 1 and wanted == RGB:
        image = image.repeat(RGB, axis=2)
    elif wanted != bands:
        raise ImageError(
            f"{where}: the image has {plural(bands, 'channel')}, and the data set's file says `channels: {wanted}`.",
            remedy="Correct `channels`, leave it out, or replace the image.",
            remedy_of_file="Save it with the channels that the images of the training have.",
        )
    if image.dtype.kind == "f" and (wrong := int(image.size - np.isfinite(image).sum())):
        raise ImageError(
            f"{where}: {wrong} of {image.size} values are infinite or not a number (NaN).",
            remedy="Replace them, for example by 0, and give what they cover the mask value of `void`.",
            remedy_of_file="Replace them, for example by 0.",
        )
    return image


def disagreement(first_of: dict[tuple[int, str], str]) -> list[str]:
    """What is wrong with a data set whose images are of several kinds; nothing if they agree.

    `first_of`: for each number of channels and dtype that occur, where the first such image is.
    """
    if len(first_of) <= 1:
        return []
    kinds = "; ".join(
        f"{plural(channels, 'channel')} of {dtype}: {where}" for (channels, dtype), where in first_of.items()
    )
    return [
        "the images of a data set have one number of channels and one type of values; the first of each kind found: "
        f"{kinds}. Convert them to one kind, or make data sets of their own of them."
    ]


def fill_of(image: np.ndarray) -> np.ndarray:
    """What lies beyond an image's edge, (C,) of its dtype: `FILL` of 8-bit RGB, else its own mean by channel."""
    if is_rgb8(image.shape[2], image.dtype):
        return np.array(FILL, np.uint8)
    return as_values(image.mean((0, 1), dtype=np.float64), image.dtype)


def as_values(numbers: np.ndarray, dtype: np.dtype | str) -> np.ndarray:
    """Float numbers in an image's dtype, rounded where it holds integers."""
    dtype = np.dtype(dtype)
    return (np.rint(numbers) if dtype.kind == "u" else numbers).astype(dtype)


def resized_image(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """(height, width, C), by area where there are fewer pixels, else linear; each channel like an image of its own."""
    shrinks = height * width < image.shape[0] * image.shape[1]
    how = {"dsize": (width, height), "interpolation": cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR}
    if image.shape[2] == 3:
        return cv2.resize(image, **how)
    # By area, OpenCV takes at most four channels; linear, its rounding depends on how many there are.
    channels = (np.ascontiguousarray(image[..., i]) for i in range(image.shape[2]))
    return np.stack([cv2.resize(channel, **how) for channel in channels], axis=2)
