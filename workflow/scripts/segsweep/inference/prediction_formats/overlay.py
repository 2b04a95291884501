"""Predictions drawn on their images, to look at."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from segsweep.config.components import PredictionFormat
from segsweep.data.display import shown_by_itself
from segsweep.inference.image_writing import write_jpeg, write_png
from segsweep.inference.predicted_image import PredictedImage
from segsweep.inference.prediction_formats import FormatWriter, Subject
from segsweep.report.images import drawing

LEAST, MOST = 512, 4096  # pixels of the longer side
SURE, FEW = 0.5, 3  # boxes are drawn from this score on; if there are none, so many of the best
FONT, ROW = 16, 26  # pixels of the legend's letters and rows


class Overlays(PredictionFormat):
    """Predictions drawn on their images, to look at."""

    title: ClassVar[str] = "predictions drawn on the images (JPEG)"
    usual_of: ClassVar[tuple[str, ...]] = PredictionFormat.tasks


class Writer(FormatWriter):
    """overlay/<image>.jpg: classes in transparent colors (overlay.png says which is which), boxes and text outlined.

    Small images are enlarged by a whole factor, very large ones scaled down to `MOST` pixels. Images that are not 8-bit
    RGB are shown as the data set's file says (`display`), with percentiles of the image itself.
    """

    def __init__(self, folder: Path, subject: Subject) -> None:
        super().__init__(folder, subject)
        self._names = ["background", *subject.classes] if subject.task == "multilabel" else list(subject.classes)
        self._background = 0 if subject.task == "multilabel" else subject.background
        objects = [name for index, name in enumerate(self._names) if index != self._background]
        rest = drawing.class_colours(["background", *objects])
        self._colors = rest if self._background == 0 else rest[1:]

    def files(self, name: str) -> list[Path]:
        """See `FormatWriter`."""
        return [self.folder / "overlay" / f"{name}.jpg"]

    def add(self, predicted: PredictedImage, image: np.ndarray) -> None:
        """See `FormatWriter`."""
        shown = shown_by_itself(image, self.subject.dataset.display)
        shown, factor = drawing.fit(shown, LEAST, MOST)
        if predicted.mask is not None:
            shown = self._painted(shown, predicted.mask)
        if predicted.boxes is not None:
            shown = self._boxed(shown, predicted, factor)
        colors = [drawing.PREDICTION] * len(predicted.polygons)
        shown = drawing.polygons(shown, predicted.polygons, colors, factor)
        (path,) = self.files(predicted.name)
        write_jpeg(path, shown)

    def close(self, parts: Iterable[Any]) -> None:
        """overlay.png: the color of each class."""
        if self.subject.task == "text":
            return
        legend = [
            (name, tuple(color))
            for index, (name, color) in enumerate(zip(self._names, self._colors.tolist(), strict=True))
            if index != self._background
        ]
        write_png(self.folder / "overlay.png", _legend(legend))

    def _painted(self, shown: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Classes in transparent colors."""
        mask = cv2.resize(mask, shown.shape[1::-1], interpolation=cv2.INTER_NEAREST_EXACT)
        if self.subject.task == "multilabel":
            mask = drawing.striped(mask, len(self.subject.classes))
        return drawing.overlay(shown, mask, self._colors, self._background)

    def _boxed(self, shown: np.ndarray, predicted: PredictedImage, factor: float) -> np.ndarray:
        """Boxes with class and score."""
        chosen = np.flatnonzero(predicted.scores >= SURE)
        chosen = chosen if len(chosen) else np.argsort(-predicted.scores, kind="stable")[:FEW]
        indices = [self.subject.objects[label] for label in predicted.labels[chosen]]
        said = [
            f"{self.subject.classes[index]} {score:.2f}"
            for index, score in zip(indices, predicted.scores[chosen], strict=True)
        ]
        colors = [tuple(self._colors[index].tolist()) for index in indices]
        return drawing.boxes(shown, predicted.boxes[chosen], said, colors, factor)


def _legend(entries: list[tuple[str, tuple[int, int, int]]]) -> np.ndarray:
    """A row for each entry: a square of its color, and its name. uint8 (H, W, 3)."""
    font = ImageFont.load_default(FONT)
    wide = max(int(font.getlength(name)) for name, _ in entries)
    legend = Image.new("RGB", (wide + 2 * ROW, ROW * len(entries) + ROW // 2), "white")
    draw = ImageDraw.Draw(legend)
    for row, (name, color) in enumerate(entries):
        top = row * ROW + ROW // 2
        draw.rectangle((ROW // 2, top, ROW // 2 + FONT, top + FONT), color)
        draw.text((ROW + FONT // 2, top + FONT // 2), name, "black", font, anchor="lm")
    return np.asarray(legend)
