"""Masks of annotations: arrays, or COCO's run lengths, plain or as compressed text."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # planning imports readers, and does without numpy
    import numpy as np


def mask_array(mask: np.ndarray | dict) -> np.ndarray:
    """bool (h, w) of an array, or of COCO's run lengths: pixels column by column, runs of 0 and of 1 in turn.

    pycocotools reads beyond the end of runs that are too short, so they are added up before they are drawn.

    Raises:
        ValueError: run lengths that are not those of their size.
    """
    import numpy as np

    if not isinstance(mask, dict):
        return np.asarray(mask, bool)
    height, width = mask_size(mask)
    counts = mask.get("counts")
    try:
        runs = _decompressed(counts) if isinstance(counts, str) else [operator.index(run) for run in counts]
    except TypeError:
        raise ValueError(f"its counts are {counts!s:.60}; they are whole numbers, or a compressed text") from None
    if any(run < 0 for run in runs) or sum(runs) != height * width:
        raise ValueError(f"its run lengths add up to {sum(runs)} pixels, its size is {width}x{height}")
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height).T


def mask_size(mask: np.ndarray | dict) -> tuple[int, int]:
    """Rows and columns."""
    size = mask.get("size") if isinstance(mask, dict) else mask.shape
    if not (isinstance(size, list | tuple) and len(size) == 2 and all(type(n) is int and n > 0 for n in size)):
        raise ValueError(f"its size is {size}; it is [height, width]")
    return tuple(size)


def _decompressed(text: str) -> list[int]:
    """Run lengths of COCO's compressed text.

    Numbers of 5 bits a character, least significant first, the sixth bit saying that more follow; from the fourth run
    on, the difference from the run before the last.

    Source: Lin et al. 2014, "Microsoft COCO"; the format is described in cocoapi, common/maskApi.c.
    """
    runs, value, shift = [], 0, 0
    for code in (ord(character) - ord("0") for character in text):
        if not 0 <= code < 64:
            raise ValueError(f"a character {chr(code + ord('0'))!r}, which the compressed form does not have")
        value |= (code & 31) << shift
        shift += 5
        if code & 32:
            continue
        if code & 16:  # a negative number, in two's complement
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value, shift = 0, 0
    if shift:
        raise ValueError("its text ends within a number")
    return runs
