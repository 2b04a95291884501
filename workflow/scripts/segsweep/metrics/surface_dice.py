"""Surface Dice (normalised surface distance, NSD): the share of both masks' edge pixels that lie within two pixels of
the other one's edge.

Of each class the mean over the images in which prediction or ground truth have it; 0 where only one of the two has it.
It needs the predictions, so it is computed by `evaluate_run` only.

Source: Nikolov et al. 2021, "Clinically applicable segmentation of head and neck anatomy for radiotherapy: deep
learning algorithm development and validation study"; edges are counted in pixels, as in Seidlitz et al. 2022, "Robust
deep learning-based semantic organ segmentation in hyperspectral images", eq. 3.
"""

from typing import ClassVar

import numpy as np

from segsweep.config.components import Metric
from segsweep.metrics import Counts, boundary_distances
from segsweep.metrics.class_masks import image_means


class SurfaceDice(Metric):
    """Surface Dice at a tolerance of two pixels: mean over images, then over the scored classes."""

    title: ClassVar[str] = "Surface Dice"
    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "multilabel", "multitask")
    own_counts: ClassVar[str] = "surface_dice"


count = boundary_distances.count


def compute(counts: Counts, classes: list[str]) -> dict[str, np.ndarray]:
    """See `segsweep.metrics`."""
    return image_means("surface_dice", counts["surface_dice"], classes)
