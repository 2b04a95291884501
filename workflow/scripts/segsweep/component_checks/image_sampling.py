"""A sampling of training images: a weight for each of them."""

import numpy as np

from segsweep.component_checks.own_component import OwnComponent


def check_image_sampling(component: OwnComponent, pixels: np.ndarray, present: np.ndarray) -> str:
    """Ask for the weights of the training images.

    Args:
        component: the sampling's.
        pixels: int64 (N, C), of each class in each mask.
        present: bool (N, C), whether an image has the class.
    """
    count = len(pixels)
    expected = f"It takes pixels {pixels.shape} and present {present.shape}, and gives {count} numbers"
    with component.calls("weights", expected):
        found = component.functions.weights(component.settings, pixels.copy(), present.copy())
        weights = np.ones(count) if found is None else np.asarray(found, np.float64)
    if weights.shape != (count,):
        raise component.problem(
            f"weights has the shape {weights.shape} for {count} images", "Let it give a number for each"
        )
    if not np.isfinite(weights).all() or (weights < 0).any():
        wrong = weights[~np.isfinite(weights) | (weights < 0)][0]
        raise component.problem(
            f"a weight is {wrong:g}", "Weights are finite, and 0 or more; divide by no count that may be 0"
        )
    if not weights.any():
        raise component.problem(f"the weights of all {count} images are 0", "Let some of them be drawn")
    return f"weights from {weights.min():.3g} to {weights.max():.3g} for {count} images"
