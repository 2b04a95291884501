"""What is wrong with an annotation, once the size of its image is known."""

from __future__ import annotations

from segsweep.data.annotations.annotation import Annotation, Box, extents
from segsweep.data.annotations.run_lengths import mask_array, mask_size
from segsweep.formatting import plural

BEYOND = 0.02  # share of the longer side by which an outline may reach beyond the image; tools let hands slip


def check(annotation: Annotation, height: int, width: int) -> list[str]:
    """Problems of an annotation in an image of this size: what covers nothing, and what lies outside."""
    import numpy as np

    from segsweep.text.geometry import shape

    of_label = f"{annotation.location}: {annotation.label!r}"
    if not len(annotation.rings) and annotation.mask is None:
        found = "a box but no outline" if annotation.box else "no outline"
        return [f"{of_label} has {found}; masks are drawn from polygons or run lengths. Add one, or delete it."]
    pixels = annotation.in_pixels(height, width)
    problems = []
    for number, points in enumerate(pixels.rings, 1):
        which = f"{of_label}, polygon {number}," if len(pixels.rings) > 1 else of_label
        no_area = f"{which} has {plural(len(points), 'corner')} and no area. Correct or delete it."
        if not len(points):
            problems.append(no_area)
        elif not np.isfinite(points).all():
            problems.append(f"{which} has corners that are not finite numbers. Correct or delete it.")
        elif outside := _outside(which, extents(points), height, width, annotation.cut_off):
            problems += outside
        elif shape(points).area == 0:
            problems.append(no_area)
    problems += _mask_problems(annotation, height, width)
    if pixels.box is not None:
        left, top, right, bottom = pixels.box
        if not (left < right and top < bottom):
            problems.append(
                f"{of_label} has an empty box: x {left:g} to {right:g}, y {top:g} to {bottom:g}. Correct it."
            )
        else:
            problems += _outside(f"{of_label}, its box,", pixels.box, height, width)
    return problems


def _outside(which: str, reach: Box, height: int, width: int, cut_off: bool = False) -> list[str]:
    left, top, right, bottom = reach
    slip = max(1.0, (1 if cut_off else BEYOND) * max(height, width))
    if -slip <= left < width and -slip <= top < height and 0 < right <= width + slip and 0 < bottom <= height + slip:
        return []
    return [
        f"{which} reaches from x {left:g}, y {top:g} to x {right:g}, y {bottom:g}; the image has {width}x{height} "
        "pixels. Correct or delete it; was the image resized or turned since?"
    ]


def _mask_problems(annotation: Annotation, height: int, width: int) -> list[str]:
    mask, (left, top), where = annotation.mask, annotation.corner, annotation.location
    if mask is None:
        return []
    try:
        rows, columns = mask_size(mask)
        if isinstance(mask, dict) and (rows, columns) != (height, width):
            return [
                f"{where}: the run lengths of {annotation.label!r} are those of {columns}x{rows} pixels (width x "
                f"height), the image has {width}x{height}. Export it again for this image."
            ]
        if left < 0 or top < 0 or left + columns > width or top + rows > height:
            return [
                f"{where}: the mask of {annotation.label!r} has {columns}x{rows} pixels from x {left}, y {top}, which "
                f"do not lie in the image of {width}x{height} pixels. Export it again for this image."
            ]
        if mask_array(mask).any():
            return []
    except ValueError as error:
        return [f"{where}: the mask of {annotation.label!r} cannot be read: {error}. Export it again."]
    return [f"{where}: the mask of {annotation.label!r} covers no pixel. Correct or delete it."]
