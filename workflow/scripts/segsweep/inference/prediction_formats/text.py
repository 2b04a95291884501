"""Text as polygons in one JSON file."""

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from segsweep.config.components import PredictionFormat
from segsweep.inference.predicted_image import PredictedImage
from segsweep.inference.prediction_formats import FormatWriter
from segsweep.io import write_json_lists


class TextPolygons(PredictionFormat):
    """Text as polygons in one JSON file."""

    title: ClassVar[str] = "text as polygons with scores (JSON)"
    tasks: ClassVar[tuple[str, ...]] = ("text",)
    usual_of: ClassVar[tuple[str, ...]] = tasks


class Writer(FormatWriter):
    """text.json: of each image `name`, `height`, `width` and `texts`, each with `points` [[x, y], ...] and `score`.

    Points are in pixels, counted from pixel edges.
    """

    def part(self, predicted: PredictedImage) -> dict[str, Any]:
        """An image and its polygons."""
        height, width = predicted.size
        texts = [
            {"points": np.asarray(polygon, np.float64).round(2).tolist(), "score": round(float(score), 6)}
            for polygon, score in zip(predicted.polygons, predicted.scores, strict=True)
        ]
        return {"name": predicted.name, "height": height, "width": width, "texts": texts}

    def close(self, parts: Iterable[dict[str, Any]]) -> None:
        """See `FormatWriter`."""
        write_json_lists(self.folder / "text.json", {"images": parts})
