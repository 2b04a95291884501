"""Masks of class indices as PNG, and which index is which class."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from segsweep.config.components import PredictionFormat
from segsweep.data.label_masks import unpack
from segsweep.inference.image_writing import write_png
from segsweep.inference.predicted_image import PredictedImage
from segsweep.inference.prediction_formats import FormatWriter
from segsweep.io import write_csv


class IndexMasks(PredictionFormat):
    """Masks of class indices as PNG."""

    title: ClassVar[str] = "class indices as PNG"
    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "multilabel", "multitask")
    usual_of: ClassVar[tuple[str, ...]] = tasks


class Writer(FormatWriter):
    """index/<image>.png, 8-bit grey: a pixel is the index of its class. index.csv says which is which.

    Of several labels a pixel, index/<label>/<image>.png: 255 where a pixel carries the label, else 0.
    """

    def files(self, name: str) -> list[Path]:
        """See `FormatWriter`."""
        folder = self.folder / "index"
        if self.subject.task != "multilabel":
            return [folder / f"{name}.png"]
        return [folder / label / f"{name}.png" for label in self.subject.classes]

    def add(self, predicted: PredictedImage, image: np.ndarray) -> None:
        """See `FormatWriter`."""
        files = self.files(predicted.name)
        if self.subject.task != "multilabel":
            write_png(files[0], predicted.mask)
            return
        for path, one in zip(files, unpack(predicted.mask, len(files)), strict=True):
            write_png(path, one * np.uint8(255))

    def close(self, parts: Iterable[Any]) -> None:
        """index.csv: index and name of each class."""
        rows = [{"index": index, "class": name} for index, name in enumerate(self.subject.classes)]
        write_csv(self.folder / "index.csv", rows, ["index", "class"])
