"""Predictions of many images as one COCO file."""

from pathlib import Path
from typing import Any

from segsweep.inference.predicted_image import PredictedImage
from segsweep.inference.prediction_formats import Subject
from segsweep.io import write_json


class CocoDocument:
    """Images, annotations and categories, as they are added.

    Ids count from 1. A category is a class that is no background; `category_ids` has the id of each by its index.

    Source: Lin et al. 2014, "Microsoft COCO"; the format is described at cocodataset.org, "Data format".
    """

    def __init__(self, subject: Subject) -> None:
        self.category_ids = {index: number for number, index in enumerate(subject.objects, 1)}
        self._categories = [
            {"id": number, "name": subject.classes[index], "supercategory": ""}
            for index, number in self.category_ids.items()
        ]
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []

    def add_image(self, predicted: PredictedImage) -> None:
        """Add an image; annotations that are added next are of it."""
        height, width = predicted.size
        number, file = len(self._images) + 1, predicted.file or predicted.name
        self._images.append({"id": number, "file_name": file, "height": height, "width": width})

    def add_annotation(
        self, index: int, box: list[float], area: float, score: float | None, segmentation: Any = None
    ) -> None:
        """Add what is found in the image that was added last.

        Args:
            index: of the class.
            box: left, top, width and height, in pixels.
            area: in pixels.
            score: 0..1, or None.
            segmentation: polygons or run lengths; None of a box alone.
        """
        entry = {
            "id": len(self._annotations) + 1,
            "image_id": len(self._images),
            "category_id": self.category_ids[index],
            "bbox": box,
            "area": area,
            "iscrowd": 0,
        }
        entry |= {} if score is None else {"score": round(score, 6)}
        self._annotations.append(entry if segmentation is None else entry | {"segmentation": segmentation})

    def write(self, path: Path) -> None:
        """Write what was added."""
        content = {"images": self._images, "annotations": self._annotations, "categories": self._categories}
        write_json(path, content, indent=None)
