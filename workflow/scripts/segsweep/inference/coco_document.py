"""Predictions of many images as one COCO file, which need not fit into the memory."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from segsweep.inference.predicted_image import PredictedImage
from segsweep.inference.prediction_formats import Subject
from segsweep.io import write_json_lists


class CocoDocument:
    """Images, annotations and categories.

    Ids count from 1. A category is a class that is no background; `category_ids` has the id of each by its index.

    Source: Lin et al. 2014, "Microsoft COCO"; the format is described at cocodataset.org, "Data format".
    """

    def __init__(self, subject: Subject) -> None:
        self.category_ids = {index: number for number, index in enumerate(subject.objects, 1)}
        self._categories = [
            {"id": number, "name": subject.classes[index], "supercategory": ""}
            for index, number in self.category_ids.items()
        ]

    @staticmethod
    def part(predicted: PredictedImage, annotations: list[dict[str, Any]]) -> dict[str, Any]:
        """An image and what is found in it, from `annotation`, both without the ids that `write` gives."""
        height, width = predicted.size
        image = {"file_name": predicted.file or predicted.name, "height": height, "width": width}
        return {"image": image, "annotations": annotations}

    def annotation(
        self, index: int, box: list[float], area: float, score: float | None, segmentation: Any = None
    ) -> dict[str, Any]:
        """An object.

        Args:
            index: of the class.
            box: left, top, width and height, in pixels.
            area: in pixels.
            score: 0..1, or None.
            segmentation: polygons or run lengths; None of a box alone.
        """
        entry = {"category_id": self.category_ids[index], "bbox": box, "area": area, "iscrowd": 0}
        entry |= {} if score is None else {"score": round(score, 6)}
        return entry if segmentation is None else entry | {"segmentation": segmentation}

    def write(self, path: Path, parts: Iterable[dict[str, Any]]) -> None:
        """Write images and what is found in them; `parts` is gone through twice."""
        images = ({"id": number} | part["image"] for number, part in enumerate(parts, 1))
        of_images = ((number, entry) for number, part in enumerate(parts, 1) for entry in part["annotations"])
        annotations = ({"id": number, "image_id": image} | entry for number, (image, entry) in enumerate(of_images, 1))
        write_json_lists(path, {"images": images, "annotations": annotations, "categories": self._categories})
