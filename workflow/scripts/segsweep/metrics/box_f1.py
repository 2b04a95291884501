"""The best F1 of the boxes in an image that any threshold on their scores yields."""

from typing import ClassVar

import numpy as np

from segsweep.config.components import Metric
from segsweep.metrics import Counts


class BoxF1(Metric):
    """The best F1 of the boxes in an image that any threshold on their scores yields."""

    title: ClassVar[str] = "box F1"
    tasks: ClassVar[tuple[str, ...]] = ("multitask",)
    of_splits: ClassVar[bool] = False


def compute(counts: Counts, classes: list[str]) -> dict[str, np.ndarray]:
    """See `segsweep.metrics`. Boxes of classes that are not in the image count as well; nothing where nothing is: 1."""
    found = np.zeros(len(counts["box_hits"]))
    for i, (hits, ground_truths) in enumerate(
        zip(counts["box_hits"], counts["box_ground_truths"].sum(-1), strict=True)
    ):
        hit = hits[hits >= 0]
        f1 = 2 * np.cumsum(hit) / (np.arange(1, len(hit) + 1) + ground_truths)
        found[i] = f1.max(initial=0.0) if ground_truths else float(not len(hit))
    return {"box_f1": found}
