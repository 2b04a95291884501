"""Text as polygons in one JSON file."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from segsweep.config.components import PredictionFormat
from segsweep.inference.predicted_image import PredictedImage
from segsweep.inference.prediction_formats import FormatWriter, Subject
from segsweep.io import write_json


class TextPolygons(PredictionFormat):
    """Text as polygons in one JSON file."""

    title: ClassVar[str] = "text as polygons with scores (JSON)"
    tasks: ClassVar[tuple[str, ...]] = ("text",)
    usual_of: ClassVar[tuple[str, ...]] = tasks


class Writer(FormatWriter):
    """text.json: of each image `name`, `height`, `width` and `texts`, each with `points` [[x, y], ...] and `score`.

    Points are in pixels, counted from pixel edges.
    """

    def __init__(self, folder: Path, subject: Subject) -> None:
        super().__init__(folder, subject)
        self._images: list[dict[str, Any]] = []

    def add(self, predicted: PredictedImage, image: np.ndarray) -> None:
        """See `FormatWriter`."""
        height, width = predicted.size
        texts = [
            {"points": np.asarray(polygon, np.float64).round(2).tolist(), "score": round(float(score), 6)}
            for polygon, score in zip(predicted.polygons, predicted.scores, strict=True)
        ]
        self._images.append({"name": predicted.name, "height": height, "width": width, "texts": texts})

    def close(self) -> None:
        """See `FormatWriter`."""
        write_json(self.folder / "text.json", {"images": self._images}, indent=None)
