"""Probabilities of the classes as numpy files."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from segsweep.config.components import PredictionFormat
from segsweep.inference.predicted_image import PredictedImage
from segsweep.inference.prediction_formats import FormatWriter
from segsweep.io import write_bytes

NONE = "there are no probabilities of this image. Ask for one model, or for an ensemble that takes their mean."


class Probabilities(PredictionFormat):
    """Probabilities of the classes as numpy files."""

    title: ClassVar[str] = "probabilities as npz (float32)"
    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "multilabel", "multitask")


class Writer(FormatWriter):
    """probabilities/<image>.npz: `probability` float32 (C, H, W), and `classes`, the names of its C channels.

    A binary task has one channel, that of its foreground.
    """

    name: ClassVar[str] = "probabilities"
    dtype: ClassVar[Any] = np.float32

    def files(self, name: str) -> list[Path]:
        """See `FormatWriter`."""
        return [self.folder / self.name / f"{name}.npz"]

    def add(self, predicted: PredictedImage, image: np.ndarray) -> str | None:
        """See `FormatWriter`."""
        if predicted.probability is None:
            return NONE
        arrays = {
            "probability": predicted.probability.astype(self.dtype),
            "classes": np.array(self.subject.classes[-len(predicted.probability) :]),
        }
        (path,) = self.files(predicted.name)
        write_bytes(path, lambda file: np.savez_compressed(file, **arrays))
        return None
