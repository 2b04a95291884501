"""Masks as they lie in files, and as class indices."""

from pathlib import Path

import numpy as np
from PIL import Image

from segsweep.data.classes import NOT_ALLOWED, ClassTable

SHOWN = 3  # problems of one kind about one mask


def read_mask(path: Path) -> np.ndarray:
    """The values as they stand in the file: (H, W) of an image, any shape of a .npy file."""
    if isinstance(path, Path) and path.suffix == ".npy":
        return _whole_numbers(np.load(path, allow_pickle=False))
    with Image.open(path) as image:
        image.load()
        return _values(image)


def _values(image: Image.Image) -> np.ndarray:
    """The values of a mask as they stand in the file: of a palette the indices, not the colours."""
    values = np.asarray(image)
    if values.ndim == 3:
        if (
            image.mode not in ("RGB", "LA", "RGBA")
            or (values[..., :1] != values[..., : 3 - (image.mode == "LA") * 2]).any()
        ):
            raise ValueError(f"mode {image.mode}: a mask has one channel of class values, not colours")
        values = values[..., 0]
    return values.astype(np.uint8) if values.dtype == bool else values


def _whole_numbers(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind not in "biu":
        raise ValueError(f"type {values.dtype}: a mask holds whole numbers")
    return values


def class_indices(
    where: str | Path, values: np.ndarray, size: tuple[int, int], table: ClassTable, problems: list[str]
) -> np.ndarray | None:
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    if values.ndim != 2:
        problems.append(
            f"{where}: an array of the shape {values.shape}; a mask is (height, width) or (height, width, 1). "
            "Write it again."
        )
        return None
    if values.shape != tuple(size):
        problems.append(
            f"{where}: {values.shape[1]}x{values.shape[0]} pixels, its image has {size[1]}x{size[0]} "
            "(width x height). A mask has the size of its image; export it again without resizing."
        )
        return None
    of_value = np.array(table.index, np.int16)
    if values.dtype == np.uint8:
        indices = of_value[values]
    else:
        inside = (values >= 0) & (values <= 255)
        indices = np.where(inside, of_value[np.clip(values, 0, 255)], NOT_ALLOWED)
    bad = indices == NOT_ALLOWED
    if bad.any():
        wrong = np.unique(values[bad])
        for value in wrong[:SHOWN]:
            rows, columns = np.nonzero(values == value)
            problems.append(
                f"{where}: value {value} at row {rows[0]}, column {columns[0]} ({len(rows)} pixels) is no class "
                f"and not void; allowed: {table.allowed}. Correct the mask, or add the value to `classes` or `void`."
            )
        if len(wrong) > SHOWN:
            problems.append(f"{where}: {len(wrong) - SHOWN} more values that are not allowed, up to {wrong[-1]}.")
        return None
    return indices.astype(np.uint8)
