"""Class weights from the training split's pixel counts."""

import torch

from segsweep.config.losses import ClassWeights
from segsweep.errors import InputError

ENET = 1.02


def class_weights(asked: ClassWeights | None, pixels: torch.Tensor, image_pixels: torch.Tensor) -> torch.Tensor | None:
    """Weights of the classes, float32 (C,), or None.

    Args:
        asked: `loss.class_weights` of a setting.
        pixels: (C,), pixels of each class in the training split, void left out.
        image_pixels: (N, C), the same for each training image; median_frequency alone looks at it.

    With n the counts, p = n / sum(n):
        inverse_frequency: sum(n) / (C n): the mean weight of a pixel is 1.
        inverse_log_frequency: 1 / log(1.02 + p), between 1.4 and 50.5 (Paszke et al. 2016, "ENet", section 5.1).
        median_frequency: median of f over f, f the share of a class in the images where it occurs
            (Eigen and Fergus 2015, section 6.3.2).
    A class that never occurs has weight 0 by the first and the last.

    Raises:
        InputError: a list of the wrong length or with a number below 0.
    """
    if asked is None:
        return None
    if not isinstance(asked, str):
        return listed(asked, len(pixels))
    pixels = pixels.double()
    occurs = pixels > 0
    if asked == "inverse_frequency":
        weights = pixels.sum() / (len(pixels) * pixels)
    elif asked == "inverse_log_frequency":
        return (1 / torch.log(ENET + pixels / pixels.sum().clamp_min(1))).float()
    elif asked == "median_frequency":
        weights = median_frequency(image_pixels.double())
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


def median_frequency(image_pixels: torch.Tensor) -> torch.Tensor:
    """float64 (C,) of counts (N, C); infinite or nan for a class that never occurs."""
    valid = image_pixels.sum(1, keepdim=True)  # (N, 1)
    there = (valid * (image_pixels > 0)).sum(0)  # (C,) pixels of the images with the class
    frequency = image_pixels.sum(0) / there
    return frequency[there > 0].quantile(0.5) / frequency
