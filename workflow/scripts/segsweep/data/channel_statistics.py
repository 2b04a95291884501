"""Mean, deviation and value range of images by channel, gathered image by image."""

import numpy as np


class ValueCounts:
    """Of unsigned integers: how often each value occurs, so that nothing is rounded on the way.

    Attributes:
        counts: int64 (C, 256 or 65536).
    """

    def __init__(self, channels: int, dtype: np.dtype):
        self.counts = np.zeros((channels, np.iinfo(dtype).max + 1), np.int64)

    def add(self, image: np.ndarray) -> None:
        """Count the values of an image (H, W, C)."""
        for channel, counts in enumerate(self.counts):
            counts += np.bincount(image[..., channel].ravel(), minlength=len(counts))

    def scale(self) -> float:
        """255 of bytes; of more the largest value of as many bits as all values need, 4095 of a 12-bit camera's."""
        if self.counts.shape[1] == 256:
            return 255.0
        largest = int(np.flatnonzero(self.counts.any(axis=0))[-1])
        return float((1 << max(largest.bit_length(), 1)) - 1)

    def bounds(self) -> np.ndarray:
        """What is black and what is white, float64 (2, C): 0 and `scale` in all channels."""
        return np.tile([[0.0], [self.scale()]], len(self.counts))

    def mean_and_std(self) -> tuple[np.ndarray, np.ndarray]:
        """float64 (C,) each, of the values divided by `scale`."""
        values = np.arange(self.counts.shape[1]) / self.scale()
        weights = self.counts / self.counts.sum(1, keepdims=True)
        mean = weights @ values
        return mean, np.sqrt(np.maximum(weights @ values**2 - mean**2, 0))


class Moments:
    """Of floats: mean and squared deviations, merged image by image.

    Source: Chan, Golub, LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample variances".
    """

    def __init__(self, channels: int):
        self._count, self._mean, self._squares = 0, np.zeros(channels), np.zeros(channels)
        self._low, self._high = np.full(channels, np.inf), np.full(channels, -np.inf)

    def add(self, image: np.ndarray) -> None:
        """Merge the values of an image (H, W, C)."""
        count = image.shape[0] * image.shape[1]
        if not count:
            return
        mean = image.mean((0, 1), dtype=np.float64)
        squares = np.array([np.square(image[..., i] - mean[i]).sum() for i in range(len(mean))])
        total, shift = self._count + count, mean - self._mean
        self._squares += squares + shift**2 * (self._count * count / total)
        self._mean += shift * (count / total)
        self._count = total
        self._low = np.minimum(self._low, image.min((0, 1)))
        self._high = np.maximum(self._high, image.max((0, 1)))

    def scale(self) -> float:
        """1: floats stay in their own unit."""
        return 1.0

    def bounds(self) -> np.ndarray:
        """The lowest and the highest value of each channel, float64 (2, C); one above the lowest if there is no other.

        Of each by itself: channels may be of different units, such as heights beside reflectances.
        """
        return np.array([self._low, np.where(self._high > self._low, self._high, self._low + 1)])

    def mean_and_std(self) -> tuple[np.ndarray, np.ndarray]:
        """float64 (C,) each."""
        return self._mean, np.sqrt(self._squares / max(self._count, 1))


def statistics_of(channels: int, dtype: np.dtype | str) -> ValueCounts | Moments:
    """Empty statistics for images of some kind."""
    dtype = np.dtype(dtype)
    return ValueCounts(channels, dtype) if dtype.kind == "u" else Moments(channels)
