"""Images with rare classes are repeated (repeat factor sampling)."""

from typing import ClassVar, Literal

import numpy as np

from segsweep.config.components import ImageSampling
from segsweep.config.settings import key


class RepeatFactorSampling(ImageSampling):
    """Images with rare classes are repeated (repeat factor sampling)."""

    title: ClassVar[str] = "Repeat factors"

    name: Literal["repeat_factor"] = key("repeat_factor", "Images with rare classes are repeated.")
    threshold: float = key(
        ..., "A class that a smaller share of the images has is rare.", gt=0, le=1, title="threshold of rare classes"
    )


def weights(settings: RepeatFactorSampling, pixels: np.ndarray, present: np.ndarray) -> np.ndarray:
    """See `segsweep.data.image_sampling`.

    With f_c the share of the images that have class c and t the threshold: r_c = max(1, sqrt(t / f_c)), and an image
    weighs as much as its rarest class, max r_c over its classes; 1 if it has none.

    Source: Gupta, Dollár and Girshick 2019, "LVIS: a dataset for large vocabulary instance segmentation". There an
    epoch grows by the repetitions; here it keeps its number of images.
    """
    share = np.maximum(present.mean(0), 1 / len(present))  # of a class that no image has any number does
    factors = np.sqrt(np.maximum(settings.threshold / share, 1.0))  # (C,)
    return np.where(present, factors, 1.0).max(1)
