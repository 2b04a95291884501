"""An augmentation: what it makes of training images, which it must not write to."""

import numpy as np

from segsweep.component_checks.own_component import OwnComponent
from segsweep.data.augmentation import Pipeline
from segsweep.data.sample import Sample
from segsweep.data.void import VOID

DRAWS = 10  # a transform is applied in some of them


def check_augmentation(
    component: OwnComponent, pipeline: Pipeline, samples: list[Sample], *, with_boxes: bool = False
) -> str:
    """Draw a pipeline a few times for each of some images.

    Args:
        component: the augmentation's.
        pipeline: that it makes.
        samples: images as prepared, `image` and `mask` read-only or not.
        with_boxes: whether the task is about boxes or polygons, which must follow the image.
    """
    if with_boxes and not pipeline.carries_boxes:
        raise component.problem(
            "it gives a function of image and mask, and the task is about boxes or polygons",
            "Let it give a transform of albumentations, which carries them along",
        )
    changed = 0
    for sample in samples:
        given = (sample.image.copy(), None if sample.mask is None else sample.mask.copy())
        for draw in range(DRAWS):
            expected = f"It takes an image {given[0].dtype} {given[0].shape}, and a mask uint8 where the task has one"
            with component.calls("a draw", expected):
                found, again = (pipeline(sample, (draw, number)) for number in (0, 0))
            _check_image(component, sample, found)
            if not _equal(found.image, again.image) or not _equal(found.mask, again.mask):
                raise component.problem(
                    "two draws from the same seed differ",
                    "Draw all random numbers from what the seed is given to",
                )
            if not _equal(sample.image, given[0]) or not _equal(sample.mask, given[1]):
                raise component.problem("it writes to the image or mask that it is given", "Work on a copy")
            changed += not _equal(found.image, sample.image)
    draws = DRAWS * len(samples)
    return f"{changed} of {draws} draws change the image" + ("" if changed else "; note: it does nothing")


def _check_image(component: OwnComponent, sample: Sample, found: Sample) -> None:
    image, mask = np.asarray(found.image), None if found.mask is None else np.asarray(found.mask)
    if image.dtype != sample.image.dtype or image.ndim != 3 or image.shape[2] != sample.image.shape[2]:
        raise component.problem(
            f"it makes an image {image.dtype} {image.shape} of one of {sample.image.dtype} {sample.image.shape}",
            "Keep type and channels: scaling and conversion to tensors come later",
        )
    if sample.mask is None:
        return
    if mask is None or mask.dtype != np.uint8 or mask.shape != image.shape[:2]:
        kind = "no mask" if mask is None else f"a mask {mask.dtype} {mask.shape}"
        raise component.problem(
            f"it makes {kind} beside an image {image.shape}", f"Let the mask be uint8 {image.shape[:2]}"
        )
    known = {*np.unique(sample.mask).tolist(), VOID}
    if new := sorted(set(np.unique(mask).tolist()) - known):
        raise component.problem(
            f"it makes the mask values {new} of {sorted(known - {VOID})}",
            f"Interpolate masks by their nearest pixel; pixels that come from nowhere are {VOID}",
        )


def _equal(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    return one is other or np.array_equal(one, other)
