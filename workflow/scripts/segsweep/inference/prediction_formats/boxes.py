"""Boxes as a table."""

from collections.abc import Iterable
from typing import ClassVar

from segsweep.config.components import PredictionFormat
from segsweep.inference.predicted_image import PredictedImage
from segsweep.inference.prediction_formats import FormatWriter
from segsweep.io import write_csv_rows

COLUMNS = ("image", "class", "score", "x1", "y1", "x2", "y2")


class BoxTable(PredictionFormat):
    """Boxes as a table."""

    title: ClassVar[str] = "boxes as CSV"
    tasks: ClassVar[tuple[str, ...]] = ("multitask",)
    usual_of: ClassVar[tuple[str, ...]] = tasks


class Writer(FormatWriter):
    """boxes.csv: a row for each box, the best of an image first; corners in pixels, counted from pixel edges."""

    def part(self, predicted: PredictedImage) -> list[list[str]]:
        """The rows of an image."""
        rows = []
        for box, label, score in zip(predicted.boxes, predicted.labels, predicted.scores, strict=True):
            name = self.subject.classes[self.subject.objects[int(label)]]
            corners = [f"{value:.2f}" for value in box]
            rows.append([predicted.name, name, f"{score:.6f}", *corners])
        return rows

    def close(self, parts: Iterable[list[list[str]]]) -> None:
        """See `FormatWriter`."""
        write_csv_rows(self.folder / "boxes.csv", COLUMNS, (row for rows in parts for row in rows))
