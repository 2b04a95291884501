"""Augmentations tried on a training image, before any training: what their libraries refuse they only say then."""

from time import monotonic

from segsweep.config.train import Data
from segsweep.data.loading import Batches
from segsweep.data.prepared import Prepared
from segsweep.errors import InputError

DRAWS = 20  # a transform is applied in some of them
ENOUGH = 10.0  # seconds, after which large images are not drawn again


def trial(name: str, backend: str, prepared: Prepared) -> list[str]:
    """What goes wrong when a pipeline is built, and when it is drawn a few times for two training images.

    These are the lowest and the narrowest: crops are what most often does not fit.
    """
    items = [("train", int(i)) for i in sorted(set(prepared.splits["train"].sizes.argmin(axis=0)))]
    data = Data(augmentation=name, augmentation_backend=backend)
    try:
        batches = Batches(items, data, prepared, len(items), seed=0, training=True)
        start = monotonic()
        for draw in range(DRAWS):
            list(batches.epoch(draw))
            if monotonic() - start > ENOUGH:
                break
    except InputError as error:
        return error.problems
    return []
