"""A sampling of training images: those with much foreground are drawn more often."""

import numpy as np


def weights(pixels: np.ndarray, present: np.ndarray, floor: float = 0.05) -> np.ndarray:
    """A weight for each image, of its share of foreground; smaller shares count as `floor`."""
    share = 1 - pixels[:, 0] / np.maximum(pixels.sum(1), 1)
    return np.maximum(share, floor)
