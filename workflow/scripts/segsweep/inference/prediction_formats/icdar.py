"""Text as ICDAR's lists of quadrilaterals."""

from pathlib import Path
from typing import ClassVar

import numpy as np

from segsweep.config.components import PredictionFormat
from segsweep.inference.predicted_image import PredictedImage
from segsweep.inference.prediction_formats import FormatWriter
from segsweep.inference.submission import quad_lines
from segsweep.io import write_bytes


class IcdarLists(PredictionFormat):
    """Text as ICDAR's lists of quadrilaterals."""

    title: ClassVar[str] = "text as ICDAR's lists of quadrilaterals"
    tasks: ClassVar[tuple[str, ...]] = ("text",)


class Writer(FormatWriter):
    """icdar/res_<image>.txt, a text a line: x1,y1,x2,y2,x3,y3,x4,y4, clockwise, whole pixels.

    A polygon of more corners is written as the smallest rotated rectangle around it. An image without text has an empty
    file. Source: ICDAR 2015 robust reading, challenge 4, task 1 (text localization): submission format.
    """

    def files(self, name: str) -> list[Path]:
        """See `FormatWriter`."""
        path = self.folder / "icdar" / name
        return [path.with_name(f"res_{path.name}.txt")]

    def add(self, predicted: PredictedImage, image: np.ndarray) -> None:
        """See `FormatWriter`."""
        (path,) = self.files(predicted.name)
        content = quad_lines(predicted.polygons).encode()
        write_bytes(path, lambda file: file.write(content))
