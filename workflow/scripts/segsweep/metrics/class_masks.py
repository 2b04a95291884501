"""The masks of each class in each image, predicted and true: what metrics ask that look at the pixels themselves, and
the means over images that they make."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from segsweep.data.label_masks import unpack
from segsweep.data.void import VOID
from segsweep.metrics.class_scores import class_mean


@dataclass
class ClassMasks:
    """One class in one image, without what the loader added at the right and bottom.

    Attributes:
        predicted: bool (H, W), False where void.
        true: bool (H, W), False where void.
        void: bool (H, W).
    """

    predicted: np.ndarray
    true: np.ndarray
    void: np.ndarray


def class_masks(predictions: list[dict[str, Any]], batch: dict) -> Iterator[list[ClassMasks]]:
    """The masks of all classes, image by image.

    Args:
        predictions: as `Task.predict` gives them.
        batch: with "mask" (B, H, W), 255 void; "size", the (height, width) of each image before padding, the masks' own
            without it; and "by_label", whether masks hold labels as bits, not classes.
    """
    masks = batch["mask"].cpu().numpy()
    sizes = batch.get("size") or [mask.shape for mask in masks]
    for prediction, mask, (height, width) in zip(predictions, masks, sizes, strict=True):
        predicted, true = prediction["mask"][:height, :width], mask[:height, :width]
        split = _by_label if batch.get("by_label") else _by_class
        found, there = (split(one, len(prediction["probability"])) for one in (predicted, true))
        void = true == VOID
        yield [ClassMasks(one & ~void, other & ~void, void) for one, other in zip(found, there, strict=True)]


def _by_class(mask: np.ndarray, outputs: int) -> np.ndarray:
    """bool (C, H, W) of a mask of classes; a single output stands for background and foreground."""
    return mask == np.arange(max(2, outputs))[:, None, None]


def _by_label(mask: np.ndarray, outputs: int) -> np.ndarray:
    """bool (C, H, W) of a mask with labels as bits."""
    return unpack(mask, outputs) == 1


def image_scores(
    predictions: list[dict[str, Any]], batch: dict, score: Callable[[ClassMasks], tuple[float, ...]]
) -> list[np.ndarray]:
    """Scores of each class in each image, in a form whose sums over images make means.

    Args:
        predictions, batch: as `class_masks` takes them.
        score: gives some scores of a class in an image, nan where there is nothing to score.

    Returns:
        For each of the scores float64 (B, C, 2): its value and 1, or 0 and 0 where there is nothing to score.
    """
    values = np.array([[score(one) for one in image] for image in class_masks(predictions, batch)])  # (B, C, scores)
    scored = ~np.isnan(values)
    both = np.stack([np.where(scored, values, 0.0), scored], axis=-1)
    return [both[..., i, :] for i in range(values.shape[-1])]


def image_means(name: str, sums: np.ndarray, classes: list[str]) -> dict[str, np.ndarray]:
    """Means over images of each class, `hd95/car`, and over the classes that have one, `hd95`.

    Args:
        name: of the score.
        sums: (..., C, 2), as `image_scores` gives them or summed over images.
        classes: the scored ones, the last of the C; of a single one there is but the mean.
    """
    total, images = np.moveaxis(np.asarray(sums, np.float64)[..., -len(classes) :, :], -1, 0)
    means = np.divide(total, images, out=np.full_like(total, np.nan), where=images > 0)
    each = {f"{name}/{one}": means[..., i] for i, one in enumerate(classes)} if len(classes) > 1 else {}
    return {name: class_mean(means, classes)} | each
