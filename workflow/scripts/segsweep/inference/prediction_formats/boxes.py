"""Boxes as a table."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from segsweep.config.components import PredictionFormat
from segsweep.inference.predicted_image import PredictedImage
from segsweep.inference.prediction_formats import FormatWriter, Subject
from segsweep.io import write_csv

COLUMNS = ("image", "class", "score", "x1", "y1", "x2", "y2")


class BoxTable(PredictionFormat):
    """Boxes as a table."""

    title: ClassVar[str] = "boxes as CSV"
    tasks: ClassVar[tuple[str, ...]] = ("multitask",)
    usual_of: ClassVar[tuple[str, ...]] = tasks


class Writer(FormatWriter):
    """boxes.csv: a row for each box, the best of an image first; corners in pixels, counted from pixel edges."""

    def __init__(self, folder: Path, subject: Subject) -> None:
        super().__init__(folder, subject)
        self._rows: list[dict[str, Any]] = []

    def add(self, predicted: PredictedImage, image: np.ndarray) -> None:
        """See `FormatWriter`."""
        for box, label, score in zip(predicted.boxes, predicted.labels, predicted.scores, strict=True):
            name = self.subject.classes[self.subject.objects[int(label)]]
            corners = [f"{value:.2f}" for value in box]
            self._rows.append(dict(zip(COLUMNS, [predicted.name, name, f"{score:.6f}", *corners], strict=True)))

    def close(self) -> None:
        """See `FormatWriter`."""
        write_csv(self.folder / "boxes.csv", self._rows, COLUMNS)
