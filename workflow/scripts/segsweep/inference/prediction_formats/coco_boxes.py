"""Boxes as COCO annotations."""

from pathlib import Path
from typing import ClassVar

import numpy as np

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

    def add(self, predicted: PredictedImage, image: np.ndarray) -> None:
        """See `FormatWriter`."""
        self._document.add_image(predicted)
        for box, label, score in zip(predicted.boxes, predicted.labels, predicted.scores, strict=True):
            left, top, right, bottom = box.tolist()
            width, height = right - left, bottom - top
            index = self.subject.objects[int(label)]
            self._document.add_annotation(index, [left, top, width, height], width * height, float(score))

    def close(self) -> None:
        """See `FormatWriter`."""
        self._document.write(self.folder / "coco_boxes.json")
