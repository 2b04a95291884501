"""Arrays as image files."""

from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import tifffile
from PIL import Image

from segsweep.io import write_bytes

JPEG = {"quality": 90, "subsampling": 0}  # colors at full resolution: borders of masks stay sharp


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Write uint8 or uint16 (H, W), or uint8 (H, W, 3)."""
    write_bytes(path, lambda file: Image.fromarray(pixels).save(file, "PNG"))


def write_jpeg(path: Path, pixels: np.ndarray) -> None:
    """Write uint8 (H, W, 3)."""
    write_bytes(path, lambda file: Image.fromarray(pixels).save(file, "JPEG", **JPEG))


def write_geotiff(path: Path, pixels: np.ndarray, tags: Mapping[int, Any]) -> None:
    """Write what `save_geotiff` saves."""
    write_bytes(path, lambda file: save_geotiff(file, pixels, tags))


def save_geotiff(file: IO[bytes], pixels: np.ndarray, tags: Mapping[int, Any]) -> None:
    """A compressed TIFF with GeoTIFF tags.

    Args:
        file: open for writing.
        pixels: uint8 or uint16 (H, W), or uint8 (H, W, 3) of colors.
        tags: see `segsweep.data.image_files.geo_tags`.
    """
    extra = [(code, kind, count, value, True) for code, (kind, count, value) in sorted(tags.items())]
    photometric = "rgb" if pixels.ndim == 3 else "minisblack"
    # Without what else tifffile writes: its name, the shape.
    how = {"compression": "deflate", "metadata": None, "software": False}
    tifffile.imwrite(file, pixels, photometric=photometric, extratags=extra, **how)
