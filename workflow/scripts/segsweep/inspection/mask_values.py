"""What stands in masks: values and how often, or colors, of a few files."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from segsweep.data.void import VOID

MOST_READ = 40  # masks
MOST_VALUES = 32  # of masks that hold classes; JPEG, antialiasing and instances give more
COMMENT = "the values that were found; give them their names"

BLACK = (0, 0, 0)


def values_of(paths: Sequence[Path]) -> Counter:
    """Pixels by value, or by color (red, green, blue), in up to `MOST_READ` masks spread over the files.

    A palette's indices count as values. Files that cannot be opened are passed over: the look at the data set that
    follows names them.
    """
    found: Counter = Counter()
    for i in np.unique(np.linspace(0, len(paths) - 1, MOST_READ).round().astype(int)):
        try:
            values = _values(paths[i])
        except (OSError, ValueError):
            continue
        counted(values, found)
    return found


def counted(values: np.ndarray, found: Counter) -> None:
    """Add the pixels of a mask, (H, W) of values or (H, W, C) of colors, to those of others."""
    if values.ndim == 3:
        values = values[..., :3]
        values = values if values.shape[2] == 3 and (values != values[..., :1]).any() else values[..., 0]
    distinct, counts = np.unique(values.reshape(-1, *values.shape[2:]), axis=0, return_counts=True)
    keys = distinct.tolist() if values.ndim == 2 else map(tuple, distinct.tolist())
    found.update(dict(zip(keys, counts.tolist(), strict=True)))


def _values(path: Path) -> np.ndarray:
    if path.suffix.lower() == ".npy":
        return np.load(path, allow_pickle=False)
    with Image.open(path) as image:
        return np.asarray(image)


def classes_of(found: Counter) -> tuple[dict[str, Any], dict[str, str]]:
    """Keys of a data set file that say what masks mean, from pixels by value or color; and comments on them."""
    colors = [value for value in found if isinstance(value, tuple)]
    if not found:
        return {"task": "binary", "classes": {0: "background", 255: "foreground"}, "foreground": "foreground"}, {
            "classes": "no mask could be read; write the values that stand in them"
        }
    if colors:
        return _palette(found)
    values = sorted(found)
    if len(values) > MOST_VALUES:
        return _too_many(values)
    # 255 behind numbers without a gap is the void of VOC and many others.
    void = [VOID] if len(values) > 2 and values == [*range(len(values) - 1), VOID] else []
    values = [value for value in values if value not in void]
    if len(values) == 1:
        values = [0, *values] if values != [0] else [0, VOID]
    comments = {"classes": COMMENT}
    if void:
        comments["void"] = "counts in no loss and no score; if 255 is a class, move it to classes"
    if len(values) == 2:
        names = {values[0]: "background", values[1]: "foreground"}
        keys = {"task": "binary", "classes": names, "foreground": "foreground"}
    else:
        keys = {"task": "multiclass", "classes": {value: _named(value) for value in values}}
    return keys | ({"void": void} if void else {}), comments


def _palette(found: Counter) -> tuple[dict[str, Any], dict[str, str]]:
    frequent = [value for value, _ in found.most_common(MOST_VALUES)]
    colors = [value if isinstance(value, tuple) else (value,) * 3 for value in frequent]
    colors.sort(key=lambda color: color != BLACK)  # stable: the others stay in their order
    palette = {"background" if color == BLACK else f"class_{i}": list(color) for i, color in enumerate(colors)}
    said = "the colors that were found, frequent ones first; give the classes their names"
    if len(found) > MOST_VALUES:
        said = f"{len(found)} colors were found (JPEG? antialiased?), these are the most frequent; name your classes"
    return {"task": "multiclass", "palette": palette}, {"palette": said}


def _too_many(values: list[int]) -> tuple[dict[str, Any], dict[str, str]]:
    if values[0] == 0 and values[-1] > VOID:
        palette = {"background": 0, "object": f"1-{values[-1]}"}
        said = f"{len(values)} values up to {values[-1]} were found, which may number objects"
        return {"task": "binary", "palette": palette, "foreground": "object"}, {"palette": said}
    said = f"{len(values)} values were found (JPEG? antialiased?); better export PNG masks again, else check the ranges"
    palette = {"background": "0-127", "foreground": "128-255"}
    return {"task": "binary", "palette": palette, "foreground": "foreground"}, {"palette": said}


def _named(value: int) -> str:
    return "background" if value == 0 else f"class_{value}"
