"""Boxes as COCO annotations."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from segsweep.config.components import PredictionFormat
from segsweep.inference.coco_document import CocoDocument
from segsweep.inference.predicted_image import PredictedImage
from segsweep.inference.prediction_formats import FormatWriter, Subject


class CocoBoxes(PredictionFormat):
    """Boxes as COCO annotations."""

    title: ClassVar[str] = "boxes as COCO"
    tasks: ClassVar[tuple[str, ...]] = ("multitask",)


class Writer(FormatWriter):
    """coco_boxes.json: an annotation with bounding box and score for each box, the best of an image first."""

    def __init__(self, folder: Path, subject: Subject) -> None:
        super().__init__(folder, subject)
        self._document = CocoDocument(subject)

    def part(self, predicted: PredictedImage) -> dict[str, Any]:
        """An image and its boxes."""
        annotations = []
        for box, label, score in zip(predicted.boxes, predicted.labels, predicted.scores, strict=True):
            left, top, right, bottom = box.tolist()
            width, height = right - left, bottom - top
            index = self.subject.objects[int(label)]
            box = [left, top, width, height]
            annotations.append(self._document.annotation(index, box, width * height, float(score)))
        return self._document.part(predicted, annotations)

    def close(self, parts: Iterable[dict[str, Any]]) -> None:
        """See `FormatWriter`."""
        self._document.write(self.folder / "coco_boxes.json", parts)
