"""HD95: the distance within which 95 % of the edge pixels of one mask have one of the other; the larger of both ways.

In pixels, of each class the mean over the images in which prediction or ground truth have it. Where only one of the two
has it the distance is the image's diagonal, so that finding nothing does not pay. It needs the predictions, so it is
computed by `evaluate_run` only.

Source: Huttenlocher, Klanderman, Rucklidge 1993, "Comparing images using the Hausdorff distance", sections II and IV
(the distance, and its ranked form). Taha, Hanbury 2015, "Metrics for evaluating 3D medical image segmentation", eq. 24.
"""

from typing import ClassVar

import numpy as np

from segsweep.config.components import Metric
from segsweep.metrics import Counts, boundary_distances
from segsweep.metrics.class_masks import image_means


class Hd95(Metric):
    """95th percentile of the Hausdorff distance in pixels: mean over images, then over the scored classes."""

    title: ClassVar[str] = "HD95"
    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "multilabel", "multitask")
    direction: ClassVar[str] = "minimize"
    range: ClassVar[tuple[float | None, float | None]] = (0.0, None)
    own_counts: ClassVar[str] = "hd95"


count = boundary_distances.count


def compute(counts: Counts, classes: list[str]) -> dict[str, np.ndarray]:
    """See `segsweep.metrics`."""
    return image_means("hd95", counts["hd95"], classes)
