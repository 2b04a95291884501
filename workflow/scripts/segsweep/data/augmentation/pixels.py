"""What the numbers of a data set's images are: which of them are dark and bright, and what fills new pixels."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from segsweep.data.image_arrays import FILL
from segsweep.data.prepared import Prepared


@dataclass(frozen=True)
class Pixels:
    """The numbers of a data set's images.

    Attributes:
        dtype: uint8, uint16 or float32.
        low, high: what transforms of brightness take for black and white, by channel.
        fill: what new pixels hold, by channel.
    """

    dtype: str = "uint8"
    low: tuple[float, ...] = (0.0,) * len(FILL)
    high: tuple[float, ...] = (255.0,) * len(FILL)
    fill: tuple[float, ...] = FILL

    @classmethod
    def of(cls, prepared: Prepared) -> "Pixels":
        """Those of prepared images."""
        low, high = prepared.bounds.tolist()
        return cls(prepared.dtype, tuple(low), tuple(high), tuple(prepared.fill.tolist()))

    @property
    def channels(self) -> int:
        """Channels of an image."""
        return len(self.fill)

    @property
    def is_bytes(self) -> bool:
        """Whether they are the bytes that transforms are used to."""
        return self.dtype == "uint8"

    @property
    def unit_fill(self) -> tuple[float, ...]:
        """`fill` in 0..1."""
        return tuple(self.to_unit(np.float32(self.fill)).tolist())

    def to_unit(self, image: Any) -> Any:
        """Numbers from `low` to `high` as 0 to 1: float32 (..., C), an array or a tensor."""
        low, span = self._range(image)
        return (image - low) / span

    def from_unit(self, image: Any) -> Any:
        """The inverse of `to_unit`; still of float32, and whole numbers where the images have such."""
        low, span = self._range(image)
        image = image * span + low
        return image if self.dtype == "float32" else image.round()

    def _range(self, image: Any) -> tuple[Any, Any]:
        """`low`, and how far `high` is from it, of the image's kind."""
        low = np.float32(self.low)
        span = np.float32(self.high) - low
        return (low, span) if isinstance(image, np.ndarray) else (image.new_tensor(low), image.new_tensor(span))

    def to_dtype(self, image: np.ndarray) -> np.ndarray:
        """Numbers of `from_unit` as an image's; those beyond its range become its first or last."""
        if self.dtype == "float32":
            return image
        bounds = np.iinfo(self.dtype)
        return image.clip(bounds.min, bounds.max).astype(self.dtype)


RGB_BYTES = Pixels()
