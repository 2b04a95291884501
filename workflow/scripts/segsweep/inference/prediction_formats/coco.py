"""Connected components of the classes as COCO instances, with run lengths."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from segsweep.config.components import PredictionFormat
from segsweep.inference.coco_document import CocoDocument
from segsweep.inference.mask_objects import MaskObject, objects_in, run_lengths
from segsweep.inference.predicted_image import PredictedImage
from segsweep.inference.prediction_formats import FormatWriter, Subject


class CocoRunLengths(PredictionFormat):
    """Connected components of the classes as COCO instances, with run lengths."""

    title: ClassVar[str] = "objects as COCO instances (run lengths)"
    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "multilabel", "multitask")


class Writer(FormatWriter):
    """coco.json: an annotation for each connected component; compressed run lengths give its pixels exactly."""

    file: ClassVar[str] = "coco.json"

    def __init__(self, folder: Path, subject: Subject) -> None:
        super().__init__(folder, subject)
        self._document = CocoDocument(subject)

    def part(self, predicted: PredictedImage) -> dict[str, Any]:
        """An image and its objects."""
        annotations = []
        for one in objects_in(predicted, self.subject):
            height, width = one.pixels.shape
            box = [one.left, one.top, width, height]
            segmentation = self.segmentation(one, predicted.size)
            annotations.append(self._document.annotation(one.index, box, one.area, one.score, segmentation))
        return self._document.part(predicted, annotations)

    def segmentation(self, found: MaskObject, size: tuple[int, int]) -> Any:
        """The pixels of an object in an image of so many rows and columns."""
        return run_lengths(found, size)

    def close(self, parts: Iterable[dict[str, Any]]) -> None:
        """See `FormatWriter`."""
        self._document.write(self.folder / self.file, parts)
