"""An augmentation: squares of images are taken out, and do not count."""

VOID = 255


def build(pixels, share: float = 0.25):
    """A function of an image (H, W, C), its mask uint8 (H, W) and numpy's generator.

    Source: DeVries and Taylor 2017, "Improved regularization of convolutional neural networks with Cutout".
    """

    def transform(image, mask, rng):
        image, mask = image.copy(), mask.copy()
        height, width = (int(side * share) for side in mask.shape)
        top, left = rng.integers(mask.shape[0] - height + 1), rng.integers(mask.shape[1] - width + 1)
        hole = slice(top, top + height), slice(left, left + width)
        image[hole], mask[hole] = pixels.fill, VOID
        return image, mask

    return transform
