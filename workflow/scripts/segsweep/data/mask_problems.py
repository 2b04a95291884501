"""What to say of a mask whose values or colors are not those of the data set."""

from itertools import combinations
from pathlib import Path

import numpy as np

from segsweep.data.classes import NOT_ALLOWED, ClassTable
from segsweep.data.palettes import color_of

SHOWN = 3  # values of one mask
COLORS_SHOWN = 8  # colors of a mask without a palette
MOST_COLORS = 64  # more than that are hardly classes
COMPARED = 1000  # colors that are not allowed, the most frequent ones, compared with those that are
NEAR = 24  # distance of a color, in 0..255, from the line between two others at which it is a blend of them


def colors_without_palette(where: str | Path, values: np.ndarray, table: ClassTable) -> str:
    """The problem of colors (H, W, 3) where values were expected, with the palette to write, if one can help."""
    if _has_files(table):
        return f"{where}: colors, but a file for each class holds values; allowed: {table.allowed}. Save it as such."
    colors, counts = np.unique(values.reshape(-1, 3), axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:COLORS_SHOWN]
    found = [f"{colors[i].tolist()} ({100 * counts[i] / counts.sum():.1f} %)" for i in order]
    more = f", and {len(colors) - len(order)} more" if len(colors) > len(order) else ""
    if len(colors) > MOST_COLORS:
        more += " (so many come from antialiasing, a JPEG, or an image that is no mask)"
    example = ", ".join(f"{name}: {color}" for name, color in zip(table.names, colors[order].tolist(), strict=False))
    return (
        f"{where}: colors, but the data set's masks hold values. Found, most frequent first: {', '.join(found)}{more}. "
        f"Write into the data set's file which color is which class, in this form: `palette: {{{example}}}`."
    )


def wrong_size(where: str | Path, found: tuple[int, int], wanted: tuple[int, int]) -> str:
    """The problem of a mask of another height and width than its image."""
    remedy = "A mask has the size of its image; export it again without resizing."
    if found == tuple(wanted)[::-1]:
        remedy = (
            "One of the two is turned. Images and masks are turned as their EXIF orientation says; export the mask as "
            "upright as its image is shown. Only if all masks were drawn on unturned pixels, say `orientation: ignore` "
            "in the data set's file."
        )
    return f"{where}: {found[1]}x{found[0]} pixels, its image has {wanted[1]}x{wanted[0]} (width x height). {remedy}"


def unlisted(where: str | Path, values: np.ndarray, bad: np.ndarray, table: ClassTable) -> list[str]:
    """The problems of values, or of colors as numbers, that stand for nothing: up to `SHOWN` each, more in one.

    Args:
        where: the file.
        values: (H, W).
        bad: whether each stands for nothing.
        table: what stands for something.
    """
    by_color = table.palette is not None and table.palette.colors
    wrong, counts = np.unique(values[bad], return_counts=True)
    order = np.argsort(-counts, kind="stable") if by_color else np.arange(len(wrong))
    kind, plural = ("color", "colors") if by_color else ("value", "values")
    if len(wrong) <= SHOWN:
        return [
            f"{where}: {kind} {_shown(wrong[i], by_color)} at {_place(values, wrong[i])} ({counts[i]} pixels) is no "
            f"class and not void; allowed: {table.allowed}. Correct the mask, or add the {kind} to {_key(table)}."
            for i in order
        ]
    between = _blends(wrong[order[:COMPARED]], table) if by_color else _between(wrong, _classes_by_value(table))
    first = wrong[order[0]]
    said = (
        f"{where}: {len(wrong)} {plural} that are no class and not void, in {bad.sum()} of {bad.size} pixels, such as "
        f"{_shown(first, by_color)} at {_place(values, first)}; allowed: {table.allowed}."
    )
    if not between:
        return [f"{said} Correct the mask, or add the {plural} to {_key(table)}."]
    said += (
        f" {between} of them lie between {plural} that are allowed, as after antialiasing, a JPEG, or resizing with "
        "interpolation. Export the mask as PNG without antialiasing, and resize it with nearest neighbor"
    )
    if not by_color and len(table.names) == 2 and not _has_files(table):
        (_, low), *_, (_, high) = _classes_by_value(table)
        said += f", or say in the data set's file what is still meant: `palette: {{{low}: 0-127, {high}: 128-255}}`"
    return [f"{said}."]


def _classes_by_value(table: ClassTable) -> list[tuple[int, str]]:
    """Values, in ascending order, and the class that each stands for; of a range its ends."""
    ranges = [(value, value, index) for value, index in enumerate(table.index) if index != NOT_ALLOWED]
    if table.palette is not None:
        ranges = table.palette.ranges
    names = dict(enumerate(table.names))
    return sorted((value, names[index]) for *ends, index in ranges if index in names for value in ends)


def _between(wrong: np.ndarray, listed: list[tuple[int, str]]) -> int:
    """How many values lie between two that are classes."""
    return int(((wrong > listed[0][0]) & (wrong < listed[-1][0])).sum())


def _blends(wrong: np.ndarray, table: ClassTable) -> int:
    """How many colors lie near the straight line between two that are listed."""
    listed = np.array([color_of(number) for number, _, _ in table.palette.ranges], float)
    found = np.stack([wrong >> 16, wrong >> 8 & 255, wrong & 255], axis=1).astype(float)
    near = np.zeros(len(found), bool)
    for one, other in combinations(listed, 2):
        line = other - one
        share = np.clip((found - one) @ line / (line @ line), 0, 1)
        near |= np.linalg.norm(found - one - share[:, None] * line, axis=1) <= NEAR
    return int(near.sum())


def _shown(value: np.integer, by_color: bool) -> str:
    if by_color and value < 0:
        return "beyond 0..255"
    return str(color_of(int(value)) if by_color else value)


def _place(values: np.ndarray, value: np.integer) -> str:
    row, column = np.argwhere(values == value)[0]
    return f"row {row}, column {column}"


def _has_files(table: ClassTable) -> bool:
    """Whether each class has a mask of its own, so that no palette can say more."""
    return table.by_label or bool(table.class_of_file)


def _key(table: ClassTable) -> str:
    """Where what is allowed stands in a data set's file."""
    if _has_files(table):
        return "`void`"
    return "`palette`" if table.palette else "`classes` or `void`"
