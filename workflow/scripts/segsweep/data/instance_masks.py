"""Boxes of objects that a mask numbers, each pixel by the object that it belongs to."""

import numpy as np

from segsweep.data.void import VOID

Box = tuple[int, int, int, int]


def boxes_of_instances(
    objects: np.ndarray, classes: np.ndarray, names: list[str]
) -> tuple[list[Box], list[int], list[str]]:
    """The extent of each object, void pixels aside; one that is void as a whole has none.

    Args:
        objects: (H, W), the number of the object, 0 where there is none.
        classes: uint8 (H, W), class indices, 0 the background and 255 void.
        names: of the classes.

    Returns:
        Boxes (left, top, right, bottom), 0-based and exclusive; their labels, 0-based over the classes without
        background; and what is wrong with an object, in words.
    """
    boxes, labels, problems = [], [], []
    inside = (objects != 0) & (classes != VOID)
    for number in np.unique(objects[inside]):
        rows, columns = np.nonzero(inside & (objects == number))
        found = np.unique(classes[rows, columns])
        if len(found) > 1 or found[0] == 0:
            problems.append(
                f"object {number} (row {rows[0]}, column {columns[0]}) lies on {', '.join(names[i] for i in found)}"
            )
            continue
        boxes.append((int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1))
        labels.append(int(found[0]) - 1)
    return boxes, labels, problems
