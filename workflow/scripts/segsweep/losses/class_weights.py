"""Class weights from the training split's pixel counts."""

import torch

from segsweep.config.losses import ClassWeights
from segsweep.errors import InputError

ENET = 1.02


def class_weights(
    asked: ClassWeights | None, pixels: torch.Tensor, image_pixels: torch.Tensor, image_valid: torch.Tensor
) -> torch.Tensor | None:
    """Weights of the classes, float32 (C,), or None.

    Args:
        asked: `loss.class_weights` of a setting.
        pixels: (C,), pixels of each class in the training split, void left out.
        image_pixels: (N, C), the same for each training image; median_frequency alone looks at it.
        image_valid: (N,), valid pixels of each training image: the sum over the classes, unless a pixel may carry
            several.

    With n the counts, v the valid pixels of all images, p = n / v:
        inverse_frequency: v / (C n): the mean weight of a pixel is 1 where it has one class.
        inverse_log_frequency: 1 / log(1.02 + p), between 1.4 and 50.5 (Paszke et al. 2016, "ENet", section 5.1).
        median_frequency: median of f over f, f the share of a class in the images where it occurs
            (Eigen and Fergus 2015, section 6.3.2), of their valid pixels.
    A class that never occurs has weight 0 by the first and the last.

    Raises:
        InputError: a list of the wrong length or with a number below 0; a scheme where no class has a pixel.
    """
    if asked is None:
        return None
    if not isinstance(asked, str):
        return listed(asked, len(pixels))
    pixels, valid = pixels.double(), image_valid.sum().double()
    occurs = pixels > 0
    if not occurs.any():
        raise InputError(
            f"loss.class_weights: {asked} has nothing to count, as no training pixel is of any class. Correct the "
            "masks, or take class_weights out"
        )
    if asked == "inverse_frequency":
        weights = valid / (len(pixels) * pixels)
    elif asked == "inverse_log_frequency":
        return (1 / torch.log(ENET + pixels / valid)).float()
    elif asked == "median_frequency":
        weights = median_frequency(image_pixels.double(), image_valid.double())
    else:
        raise InputError(f"loss.class_weights: unknown scheme {asked!r}")
    return torch.where(occurs, weights, 0.0).float()


def listed(weights: list[float], classes: int) -> torch.Tensor:
    """A list as float32 (C,), checked."""
    if len(weights) != classes or min(weights) < 0 or not sum(weights) > 0:
        raise InputError(
            f"loss.class_weights: {weights} must be {classes} numbers of 0 or more, one for each class in the order of "
            "the data set's `classes` (binary: background, foreground), not all 0"
        )
    return torch.tensor(weights, dtype=torch.float32)


def median_frequency(image_pixels: torch.Tensor, image_valid: torch.Tensor) -> torch.Tensor:
    """float64 (C,) of counts (N, C) and (N,); infinite or nan for a class that never occurs."""
    there = (image_valid[:, None] * (image_pixels > 0)).sum(0)  # (C,) pixels of the images with the class
    frequency = image_pixels.sum(0) / there
    return frequency[there > 0].quantile(0.5) / frequency
