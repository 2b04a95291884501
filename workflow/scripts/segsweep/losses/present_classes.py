"""Which classes occur in masks, for losses that leave out those that do not."""

import numpy as np

from segsweep.data.void import VOID

Present = list[list[int]]  # the classes of each image


def present_classes(batch: dict) -> dict[str, Present]:
    """{"present": the classes of each image of a batch}, found in main memory: to ask a GPU is to wait for it.

    Nothing of masks, uint8 (B, H, W), that a device has made already (`data.augmentation_device`).
    """
    if batch["mask"].device.type != "cpu":
        return {}
    counts = [np.bincount(mask.ravel(), minlength=VOID + 1)[:VOID] for mask in batch["mask"].numpy()]
    return {"present": [np.flatnonzero(one).tolist() for one in counts]}
