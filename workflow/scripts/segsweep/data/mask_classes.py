"""Masks by the indices of their classes, made of the values that stand in files."""

from pathlib import Path

import numpy as np

from segsweep.data.classes import NOT_ALLOWED, ClassTable
from segsweep.data.mask_problems import colors_without_palette, unlisted, wrong_size
from segsweep.data.palettes import color_number
from segsweep.data.void import VOID


def class_indices(
    where: str | Path, values: np.ndarray, size: tuple[int, int], table: ClassTable, problems: list[str]
) -> np.ndarray | None:
    """A mask by the indices of its classes.

    Args:
        where: the file, for problems.
        values: as `read_mask` gives them.
        size: height and width of the image.
        table: what the values mean.
        problems: to which what is wrong is added.

    Returns:
        uint8 (H, W): index of the class, 255 for void. Of the mask of one label or class 0, 1 and 255. None where
        something is wrong.
    """
    by_color = table.palette is not None and table.palette.colors
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    if values.ndim == 3 and values.shape[2] == 3 and values.dtype == np.uint8:
        if not by_color:
            problems.append(colors_without_palette(where, values, table))
            return None
        values = color_number(*np.moveaxis(values.astype(np.int32), -1, 0))
    elif by_color and values.ndim == 2:
        values = np.where((values >= 0) & (values <= 255), color_number(*(values.astype(np.int32),) * 3), -1)
    if values.ndim != 2:
        problems.append(
            f"{where}: an array of the shape {values.shape}; a mask is (height, width) or (height, width, 1). "
            "Write it again."
        )
        return None
    if values.shape != tuple(size):
        problems.append(wrong_size(where, values.shape, size))
        return None
    indices = _looked_up(values, table)
    bad = indices == NOT_ALLOWED
    if bad.any():
        problems += unlisted(where, values, bad, table)
        return None
    return indices.astype(np.uint8)


def _looked_up(values: np.ndarray, table: ClassTable) -> np.ndarray:
    """int16 (H, W): indices of classes; void and what is not allowed as in `ClassTable.index`."""
    if table.palette is not None:
        first, last, index = np.array(sorted(table.palette.ranges), np.int64).T
        place = np.searchsorted(first, values, side="right") - 1
        return np.where((place >= 0) & (values <= last[place]), index[place], NOT_ALLOWED).astype(np.int16)
    of_value = np.array(table.index, np.int16)
    if values.dtype == np.uint8:
        return of_value[values]
    inside = (values >= 0) & (values <= 255)
    return np.where(inside, of_value[np.clip(values, 0, 255)], NOT_ALLOWED)


def class_mask(where: list[Path], masks: list[np.ndarray], table: ClassTable, problems: list[str]) -> np.ndarray | None:
    """The mask of classes that have a file each.

    Args:
        where: the files, for problems.
        masks: of the files, uint8 (H, W): 1 where a pixel shows the class, 0 where not, 255 where it is void.
        table: of the classes.
        problems: to which what is wrong is added.

    Returns:
        uint8 (H, W): index of the class, 255 wherever a file is void. None where a pixel is of several classes, or of
        none though all have a file.
    """
    shown = np.stack(masks) == 1  # (files, H, W)
    void = (np.stack(masks) == VOID).any(0)
    count = shown.sum(0)
    wrong = (count > 1) & ~void
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        files = ", ".join(str(where[i]) for i in np.flatnonzero(shown[:, row, column]))
        problems.append(
            f"{files}: {wrong.sum()} pixels are of several classes, the first at row {row}, column {column}. A pixel "
            "has one class: correct the files, or set task: multilabel."
        )
        return None
    wrong = (count == 0) & ~void
    if wrong.any() and table.other_class is None:
        row, column = np.argwhere(wrong)[0]
        problems.append(
            f"{where[0]} and the files of the other classes: {wrong.sum()} pixels are of no class, the first at row "
            f"{row}, column {column}. Correct the files, or add the class of what is left to `classes`, without a file."
        )
        return None
    index = np.array(table.class_of_file)[shown.argmax(0)]
    if table.other_class is not None:
        index[count == 0] = table.other_class
    index[void] = VOID
    return index.astype(np.uint8)
