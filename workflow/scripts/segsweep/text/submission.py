"""Predictions as a file that ICDAR's evaluation takes."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from segsweep.text.geometry import rotated_box

NO_DATE = (1980, 1, 1, 0, 0, 0)  # the same predictions give the same bytes


def write_submission(
    path: Path, predictions: Mapping[str, list[np.ndarray]], scale: Mapping[str, tuple[float, float]] | None = None
) -> None:
    """Write a zip of `res_NAME.txt`, one quad a line: x1,y1,x2,y2,x3,y3,x4,y4, clockwise, whole pixels.

    `predictions`: name of the picture (`img_7`) to its polygons (k, 2); a picture without text needs an entry too.
    `scale`: factors of x and y from prepared pixels to those of the original picture, where it was resized.

    Source: ICDAR 2015 robust reading, challenge 4, task 1 (text localization): submission format.
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    with zipfile.ZipFile(part, "w") as archive:
        for name in sorted(predictions):
            factor = (scale or {}).get(name, (1.0, 1.0))
            lines = [_line(np.asarray(polygon, dtype=np.float64) * factor) for polygon in predictions[name]]
            entry = zipfile.ZipInfo(f"res_{name}.txt", NO_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, "".join(f"{line}\r\n" for line in lines))
    part.replace(path)


def _line(polygon: np.ndarray) -> str:
    quad = polygon if len(polygon) == 4 else rotated_box(polygon)[0]
    x, y = quad[:, 0], quad[:, 1]
    if (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() < 0:  # y points down: clockwise on screen is positive
        quad = quad[::-1]
    return ",".join(str(value) for value in np.maximum(np.round(quad), 0).astype(int).ravel())
