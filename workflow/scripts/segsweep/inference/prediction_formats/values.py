"""Masks in the data set's own values or colors as PNG."""

from pathlib import Path
from typing import ClassVar

import numpy as np

from segsweep.config.components import PredictionFormat
from segsweep.data.classes import class_table
from segsweep.inference.image_writing import write_png
from segsweep.inference.predicted_image import PredictedImage
from segsweep.inference.prediction_formats import FormatWriter
from segsweep.inference.submission import values_of


class ValueMasks(PredictionFormat):
    """Masks in the data set's own values or colors as PNG."""

    title: ClassVar[str] = "the data set's own values or colors as PNG"
    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "multitask")


class Writer(FormatWriter):
    """values/<image>.png: a pixel has the value or the color that stands for its class in the data set's own masks."""

    def files(self, name: str) -> list[Path]:
        """See `FormatWriter`."""
        return [self.folder / "values" / f"{name}.png"]

    def add(self, predicted: PredictedImage, image: np.ndarray) -> None:
        """See `FormatWriter`."""
        values = values_of(class_table(self.subject.dataset))
        (path,) = self.files(predicted.name)
        write_png(path, values[predicted.mask])
