"""Masks whose pixels may carry several labels: one uint8 a pixel, a bit for each label, 255 for void.

So they are stored, cut, resized, augmented and loaded like masks of classes. Void is of a pixel, for all labels alike.
"""

from collections.abc import Sequence

import numpy as np

from segsweep.data.void import VOID


def pack(channels: Sequence[np.ndarray]) -> np.ndarray:
    """One mask of the masks of all labels.

    Args:
        channels: for each label uint8 (H, W): 1 where a pixel carries it, 0 where not, 255 where it is void.

    Returns:
        uint8 (H, W); void wherever any label's mask is.
    """
    mask, void = np.zeros_like(channels[0]), np.zeros(channels[0].shape, bool)
    for bit, channel in enumerate(channels):
        mask |= (channel == 1).astype(np.uint8) << bit
        void |= channel == VOID
    mask[void] = VOID
    return mask


def unpack(mask: np.ndarray, labels: int) -> np.ndarray:
    """The inverse of `pack`: uint8 (C, H, W) of 0, 1 and 255."""
    bits = np.arange(labels, dtype=np.uint8)[:, None, None]
    return np.where(mask == VOID, VOID, mask.astype(np.uint8) >> bits & 1).astype(np.uint8)


def of_classes(counts: np.ndarray, classes: int, by_label: bool) -> np.ndarray:
    """Pixels of each class, int64 (C,), of pixels by value, int64 (256,), in masks of classes or of labels."""
    return of_labels(counts, classes) if by_label else counts[:classes]


def of_labels(counts: np.ndarray, labels: int) -> np.ndarray:
    """Pixels with each label, int64 (C,), of pixels by value, int64 (256,); void ones carry none."""
    values = np.arange(VOID)
    return np.array([counts[:VOID][values >> bit & 1 == 1].sum() for bit in range(labels)], np.int64)
