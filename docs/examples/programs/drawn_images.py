"""Images that the examples draw themselves: bright discs in noise, and where they are."""

import numpy as np

SIDE = 32  # height and width in pixels


def drawn_images(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw images with a disc each.

    Args:
        count: number of images.
        seed: of the generator; equal seeds give equal images.

    Returns:
        Images, float32 (count, 1, SIDE, SIDE), and masks of the same shape, float32, 1 in the disc and 0 elsewhere.
    """
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    center, radius = random.uniform(8, SIDE - 8, (2, count, 1, 1, 1)), random.uniform(4, 8, (count, 1, 1, 1))
    masks = ((y - center[0]) ** 2 + (x - center[1]) ** 2 <= radius**2).astype(np.float32)
    images = masks + random.normal(0, 0.5, masks.shape).astype(np.float32)
    return images, masks
