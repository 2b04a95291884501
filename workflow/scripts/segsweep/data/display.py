"""Images of any depth and number of channels, made for people to look at."""

from dataclasses import dataclass

import numpy as np

from segsweep.config.display import Display
from segsweep.data.prepared import Prepared, Split
from segsweep.errors import InputError

AS_THEY_ARE = (0, 1, 2)  # channels of 8-bit RGB
STRETCH = (2.0, 98.0)
MOST_IMAGES, MOST_PIXELS = 64, 1 << 14  # of the training images, and of each, that percentiles are taken of
MOST_OF_ONE = 1 << 20  # pixels that the percentiles of a single image are taken of


@dataclass(frozen=True)
class ImageDisplay:
    """What is shown of the images of a data set.

    Attributes:
        channels: three, shown as red, green and blue, or one, shown in gray.
        stretch: percentiles of a channel in the training images that are shown black and white; None for 8-bit values
            as they are.
        black, white: float64 (len(channels),), the values at these percentiles.
    """

    channels: tuple[int, ...]
    stretch: tuple[float, float] | None = None
    black: np.ndarray | None = None
    white: np.ndarray | None = None

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """An image (H, W, C) of any dtype as uint8 (H, W, 3)."""
        shown = image[..., list(self.channels)]
        if self.stretch is not None:
            span = np.where(self.white > self.black, self.white - self.black, 1)
            shown = (255 * np.clip((shown - self.black) / span, 0, 1)).round().astype(np.uint8)
        return np.repeat(shown, 3, axis=2) if len(self.channels) == 1 else shown

    @property
    def in_words(self) -> str:
        """A sentence on what is shown; empty where it is the image as it is."""
        if self.stretch is None and self.channels == AS_THEY_ARE:
            return ""
        if len(self.channels) == 1:
            said = f"Channel {self.channels[0]} is shown in gray"
        else:
            said = "Shown as red, green and blue are the channels {}, {} and {}".format(*self.channels)
        if self.stretch is None:
            return f"{said}."
        low, high = self.stretch
        return f"{said}, stretched between the percentiles {low:g} and {high:g} of the training images."


def shown_by_itself(image: np.ndarray, display: Display) -> np.ndarray:
    """An image (H, W, C) of any dtype as uint8 (H, W, 3), for people, where there are no training images to compare it
    with: percentiles are its own. Channels that it lacks are not shown: the first ones are, then."""
    channels = tuple(display.channels or ())
    if not channels or max(channels) >= image.shape[2]:
        channels = tuple(range(3) if image.shape[2] >= 3 else range(1))
    if display.stretch is None and image.dtype == np.uint8:
        return ImageDisplay(channels)(image)
    stretch = display.stretch or STRETCH
    pixels = image.reshape(-1, image.shape[2])[:: -(-image.shape[0] * image.shape[1] // MOST_OF_ONE)]
    return ImageDisplay(channels, stretch, *np.percentile(pixels[:, list(channels)], stretch, axis=0))(image)


def display_of(prepared: Prepared, display: Display | None = None) -> ImageDisplay:
    """How to show the images of prepared data.

    Args:
        prepared: the data; percentiles are of its training images.
        display: what the data set's file says; by default 8-bit images are shown as they are, all others stretched.

    Raises:
        InputError: the data have no such channel.
    """
    display = display or Display()
    channels = tuple(display.channels or (range(3) if prepared.channels >= 3 else range(1)))
    if problem := display.unknown_channel(prepared.dataset, prepared.channels):
        raise InputError(problem)
    if display.stretch is None and prepared.dtype == "uint8":
        return ImageDisplay(channels)
    stretch = display.stretch or STRETCH
    return ImageDisplay(channels, stretch, *np.percentile(_sample(prepared.splits["train"], channels), stretch, axis=0))


def _sample(split: Split, channels: tuple[int, ...]) -> np.ndarray:
    """float64 (n, len(channels)): pixels of images that are spread over the split."""
    chosen = np.unique(np.linspace(0, len(split) - 1, MOST_IMAGES).round().astype(int))
    parts = []
    for i in chosen:
        pixels = split.image(int(i)).reshape(-1, split.image(int(i)).shape[2])
        parts.append(pixels[:: -(-len(pixels) // MOST_PIXELS)][:, list(channels)])
    return np.concatenate(parts).astype(np.float64)
