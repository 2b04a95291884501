"""The backend own: a transform that a function of a person's own makes.

What the function gives is

- a transform of albumentations, which is called with image, mask and corners, as those of its backend are. What it does
  to masks is its own business: `mask_interpolation` and `fill_mask` are what it says;
- or anything that is called with an image (H, W, C), its mask uint8 (H, W), and a generator of random numbers, and
  gives an image and a mask. It is for tasks of masks alone: boxes are lost.
"""

from collections.abc import Callable
from typing import Any

import albumentations as A
import numpy as np

from segsweep import registry
from segsweep.data.augmentation.albumentations_backend import Augmentation, _flat
from segsweep.data.augmentation.pixels import Pixels
from segsweep.data.sample import Sample
from segsweep.errors import InputError


class OwnTransforms(Augmentation):
    """A transform of albumentations as a pipeline. Boxes and polygons follow the image."""

    carries_boxes = True

    def __init__(self, transform: Any, name: str, pixels: Pixels):
        self._pixels, self._title = pixels, name
        keypoints = A.KeypointParams(format="xy", remove_invisible=False)
        self._bare = A.Compose([transform])
        self._with_points = A.Compose([transform], keypoint_params=keypoints)
        self._all = _flat(self._with_points)


class OwnFunction:
    """A function of image, mask and generator as a pipeline.

    Attributes:
        carries_boxes: whether boxes and polygons follow the image.
    """

    carries_boxes = False

    def __init__(self, function: Callable[..., Any], name: str):
        self._function, self._name = function, name

    def __call__(self, sample: Sample, entropy: tuple[int, ...]) -> Sample:
        """The sample transformed.

        Raises:
            InputError: there is no mask, or no image and mask come back.
        """
        if sample.mask is None:
            raise InputError(
                f"data.augmentation: {self._name} transforms images and masks, and the data set has polygons. Let the "
                "function give a transform of albumentations, which carries them along."
            )
        found = self._function(sample.image, sample.mask, np.random.default_rng(entropy))
        if not isinstance(found, tuple) or len(found) != 2:
            raise InputError(
                f"data.augmentation: {self._name} makes {type(found).__name__} of an image. Let it give a pair: image, "
                "mask."
            )
        image, mask = found
        return Sample(image, mask, sample.boxes[:0], sample.labels[:0], [], sample.ignored[:0])


def build(transforms: list[tuple[str, dict[str, Any]]], where: str, pixels: Pixels, device: None) -> Any:
    """See `segsweep.data.augmentation`. The one transform is the name of the function."""
    ((name, _),) = transforms
    component = registry.find("augmentation", name)()
    made = registry.load(component).build(component, pixels)
    if isinstance(made, A.BasicTransform | A.BaseCompose):
        return OwnTransforms(made, name, pixels)
    if not callable(made):
        raise InputError(
            f"data.augmentation: {name} gives {type(made).__name__}. Let it give a transform of albumentations, or a "
            "function of image, mask and generator."
        )
    return OwnFunction(made, name)
