"""Each training image once in an epoch."""

from typing import ClassVar, Literal

import numpy as np

from segsweep.config.components import TASKS, ImageSampling
from segsweep.config.settings import key


class UniformSampling(ImageSampling):
    """Each training image once in an epoch."""

    title: ClassVar[str] = "Each image once"
    tasks: ClassVar[tuple[str, ...]] = TASKS

    name: Literal["uniform"] = key("uniform", "Each image once.")


def weights(settings: UniformSampling, pixels: np.ndarray, present: np.ndarray) -> None:
    """See `segsweep.data.image_sampling`."""
