"""What the header of an image file says, and what a data set's file says of how to read its images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Literal

from segsweep.config.dataset_keys import Dataset
from segsweep.errors import ImageError, InputError

if TYPE_CHECKING:
    import numpy as np

HEAD = 352  # first bytes that tell the formats apart; the header of NIfTI is the longest
ORIENTATION = 274  # number of the tag, of EXIF and of TIFF
TURNED = (5, 6, 7, 8)  # orientations that exchange height and width


@dataclass(frozen=True)
class Reading:
    """What a data set's file says of its images (see `segsweep.config.dataset_keys`); None where it says nothing."""

    channels: int | None = None
    page: int | Literal["channels"] | None = None
    alpha: Literal["drop"] | None = None
    orientation: Literal["exif", "ignore"] = "exif"

    @classmethod
    def of(cls, dataset: Dataset) -> Reading:
        """What the file of a data set says."""
        return cls(dataset.channels, dataset.page, dataset.alpha, dataset.orientation)


DEFAULT = Reading()


@dataclass
class ImageFile:
    """An image file whose header is read.

    Attributes:
        height, width: of the pixels as they are stored.
        bands: samples of a pixel, alpha included.
        dtype: of the values that `read_image` makes of it: uint8, uint16 or float32.
        decode: gives (height, width) or (height, width, bands), of any dtype that holds the values.
        color: of a color model other than gray or RGB, its name.
        alpha: position of the band that says how opaque a pixel is.
        orientation: of the tag Orientation, 1 to 8.
        geo: GeoTIFF tags.
        warnings: what is odd about it.
    """

    height: int
    width: int
    bands: int
    dtype: str
    decode: Callable[[], np.ndarray]
    color: str | None = None
    alpha: int | None = None
    orientation: int = 1
    geo: dict[int, tuple] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def upright_size(self, reading: Reading) -> tuple[int, int]:
        """Height and width of what is read."""
        turned = reading.orientation == "exif" and self.orientation in TURNED
        return (self.width, self.height) if turned else (self.height, self.width)

    def keeps_alpha(self, reading: Reading) -> bool:
        """Whether alpha is a channel like the others: the data set's file counts it."""
        return self.alpha is not None and reading.channels == self.bands

    def channels(self, reading: Reading) -> int:
        """Channels of what is read."""
        return self.bands - (self.alpha is not None and not self.keeps_alpha(reading))


def several_pages(where: str, count: int, remedy: str = "") -> InputError:
    """The problem with a file of several images."""
    return ImageError(
        f"{where}: {count} images in one file (pages, frames or slices).",
        remedy="Say which one is meant, counted from 0, with `page: 0` in the data set's file"
        f"{remedy}; or save each in a file of its own.",
        remedy_of_file="Save each in a file of its own.",
    )


def chosen_page(where: str, count: int, reading: Reading) -> int:
    """The page to read of so many.

    Raises:
        InputError: there are several and none is chosen, or there is no such page.
    """
    if reading.page is None or reading.page == "channels":
        if count != 1:
            raise several_pages(where, count)
        return 0
    if reading.page >= count:
        last = f"it has {count}, counted from 0" if count > 1 else "it has one image"
        raise ImageError(
            f"{where}: there is no page {reading.page}; {last}.",
            remedy="Correct `page` in the data set's file.",
            remedy_of_file=f"The images of the training were page {reading.page} of their files: save this one so.",
        )
    return reading.page


def library(name: str, where: str, what: str) -> ModuleType:
    """A package that only some data sets need.

    Raises:
        InputError: it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise InputError(
            f"{where}: {what} are read with {name}, which is not here ({error}). `pip install {name}`."
        ) from error
