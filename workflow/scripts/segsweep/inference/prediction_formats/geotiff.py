"""Masks of georeferenced images as GeoTIFF."""

from pathlib import Path
from typing import ClassVar

import numpy as np

from segsweep.config.components import PredictionFormat
from segsweep.data.classes import class_table
from segsweep.data.label_masks import unpack
from segsweep.inference.image_writing import write_geotiff
from segsweep.inference.predicted_image import PredictedImage
from segsweep.inference.prediction_formats import FormatWriter
from segsweep.inference.submission import values_of

NO_TAGS = "the image has no GeoTIFF tags that say where it lies. Choose the format index or values for it."


class GeoTiffMasks(PredictionFormat):
    """Masks of georeferenced images as GeoTIFF."""

    title: ClassVar[str] = "masks as GeoTIFF where the image is one"
    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "multilabel", "multitask")


class Writer(FormatWriter):
    """geotiff/<image>.tif, with the image's own GeoTIFF tags, in the data set's own values or colors.

    Of several labels a pixel, geotiff/<label>/<image>.tif: 255 where a pixel carries the label, else 0.
    """

    def files(self, name: str) -> list[Path]:
        """See `FormatWriter`."""
        folder = self.folder / "geotiff"
        if self.subject.task != "multilabel":
            return [folder / f"{name}.tif"]
        return [folder / label / f"{name}.tif" for label in self.subject.classes]

    def add(self, predicted: PredictedImage, image: np.ndarray) -> str | None:
        """See `FormatWriter`."""
        if not predicted.tags:
            return NO_TAGS
        files = self.files(predicted.name)
        if self.subject.task != "multilabel":
            values = values_of(class_table(self.subject.dataset))
            write_geotiff(files[0], values[predicted.mask], predicted.tags)
            return None
        for path, one in zip(files, unpack(predicted.mask, len(files)), strict=True):
            write_geotiff(path, one * np.uint8(255), predicted.tags)
        return None
