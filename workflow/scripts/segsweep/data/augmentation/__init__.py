"""Augmentation: a pipeline from config/augmentations, carried out by one of several libraries, its backends.

A backend is a module here, NAME_backend of the library NAME. Its function `build(transforms, where, pixels, device)`
makes a pipeline of the transforms of a file: called with a sample and the numbers that seed it, it returns the sample
transformed. Equal numbers give equal results. Masks take their nearest pixel, new pixels are `Pixels.fill` and void,
and boxes and polygons follow the image: they may reach beyond it, as `sample.window` cuts them.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from segsweep.config.augmentations import find_augmentation, read_augmentation
from segsweep.data.augmentation.pixels import RGB_BYTES, Pixels
from segsweep.data.sample import Sample

Pipeline = Callable[[Sample, tuple[int, ...]], Sample]


def load_augmentation(
    name: str, backend: str = "albumentations", pixels: Pixels = RGB_BYTES, device: Any = None
) -> Pipeline | None:
    """The pipeline of config/augmentations/NAME.yaml, or of a path; None when it does nothing.

    Args:
        name: of the file.
        backend: name of the library that carries it out.
        pixels: what the numbers of the images are.
        device: of torch, where images and masks are transformed, and stay as tensors; None for arrays.

    Raises:
        InputError: the file is unknown or its content wrong, for this backend or these images.
    """
    transforms = read_augmentation(name, channels=pixels.channels, dtype=pixels.dtype, backend=backend)
    if not transforms:
        return None
    # By name: a training does not depend on the code of the other backend.
    return import_module(f"{__name__}.{backend}_backend").build(
        transforms, str(find_augmentation(name)), pixels, device
    )
