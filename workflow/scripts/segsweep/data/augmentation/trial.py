"""Augmentations tried on a training image, before any training: what their libraries refuse they only say then."""

from segsweep.config.train import Data
from segsweep.data.loading import Batches
from segsweep.data.prepared import Prepared
from segsweep.errors import InputError

DRAWS = 20  # a transform is applied in some of them


def trial(name: str, backend: str, prepared: Prepared) -> list[str]:
    """What goes wrong when a pipeline is built, and when it is drawn for the smallest training image a few times.

    The smallest, as crops are what most often does not fit.
    """
    sizes = prepared.splits["train"].sizes
    smallest = ("train", int(sizes.min(axis=1).argmin()))
    data = Data(augmentation=name, augmentation_backend=backend)
    try:
        batches = Batches([smallest], data, prepared, 1, seed=0, training=True)
        for draw in range(DRAWS):
            list(batches.epoch(draw))
    except InputError as error:
        return error.problems
    return []
