"""Each class is drawn equally often (class-aware sampling)."""

from typing import ClassVar, Literal

import numpy as np

from segsweep.config.components import ImageSampling
from segsweep.config.settings import key


class ClassBalancedSampling(ImageSampling):
    """Each class is drawn equally often, then an image that has it (class-aware sampling)."""

    title: ClassVar[str] = "Class-balanced"

    name: Literal["class_balanced"] = key("class_balanced", "A class is drawn, then an image that has it.")
    per: Literal["image", "pixel"] = key(
        "image", "Images that have the class are drawn alike, or in proportion to their pixels of it."
    )


def weights(settings: ClassBalancedSampling, pixels: np.ndarray, present: np.ndarray) -> np.ndarray:
    """See `segsweep.data.image_sampling`.

    With a_ic = 1 where image i has class c, else 0 (`per: pixel`: its pixels of the class), image i weighs
    sum over c of a_ic / (sum over j of a_jc); classes that no image has are left out. An image without any is not
    drawn.

    Source: Shen, Lin and Huang 2016, "Relay backpropagation for effective learning of deep convolutional neural
    networks" (class-aware sampling), for images that have several classes; `per: pixel` is ours.
    """
    counts = (pixels if settings.per == "pixel" else present).astype(float)  # (N, C)
    totals = counts.sum(0)
    return (counts[:, totals > 0] / totals[totals > 0]).sum(1)
