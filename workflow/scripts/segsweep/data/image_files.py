"""Images as they lie in files."""

from pathlib import Path

import numpy as np
from PIL import Image


def read_image(path: Path) -> np.ndarray:
    """uint8 (H, W, 3)."""
    with Image.open(path) as image:
        image.load()
        return _rgb(image)


def _rgb(image: Image.Image) -> np.ndarray:
    if image.mode.startswith(("I", "F")):
        raise ValueError(f"mode {image.mode}: more than 8 bits a channel; convert it to 8 bits")
    return np.asarray(image.convert("RGB"))
