"""Files that predictions are written to, a format a file: a class with its facts (`segsweep.config.components`), and

Writer(folder, subject)     see `FormatWriter`

A format has the name of its file, and writes under this name alone: `folder/NAME/<image>.png`, `folder/NAME.csv`.
`segsweep.inference.prediction_files` finds the formats and writes in several.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segsweep.config.dataset_keys import Dataset
from segsweep.data.classes import class_names
from segsweep.report.images.drawing import has_background

if TYPE_CHECKING:
    import numpy as np

    from segsweep.inference.predicted_image import PredictedImage


@dataclass(frozen=True)
class Subject:
    """What predictions are of.

    Attributes:
        dataset: settings of the data set that the models were trained on.
        classes: names, in the order of the network's outputs.
    """

    dataset: Dataset
    classes: list[str]

    @classmethod
    def of(cls, dataset: Dataset) -> "Subject":
        """That of a data set."""
        return cls(dataset, class_names(dataset))

    @property
    def task(self) -> str:
        """What is predicted of an image."""
        return self.dataset.task

    @property
    def background(self) -> int | None:
        """Index of the class that is no object; None where all are."""
        if self.task in ("binary", "multitask"):
            return 0
        return 0 if self.task == "multiclass" and has_background(self.classes) else None

    @property
    def objects(self) -> list[int]:
        """Indices of the classes, or labels, that are objects."""
        return [index for index in range(len(self.classes)) if index != self.background]


class FormatWriter:
    """Writes predictions in one format.

    Args:
        folder: of the predictions; it may be missing yet.
        subject: what they are of.
    """

    def __init__(self, folder: Path, subject: Subject) -> None:
        self.folder, self.subject = folder, subject

    def files(self, name: str) -> list[Path]:
        """Where `add` writes of an image of this name, and nothing else does."""
        return []

    def add(self, predicted: "PredictedImage", image: "np.ndarray") -> str | None:
        """Write the files of an image.

        Args:
            predicted: the prediction, of a task that the format is for.
            image: uint8, uint16 or float32 (H, W, C), the image as `segsweep.data.image_files.read_image` gives it.

        Returns:
            Why there is nothing of this image in this format; None where it is written.
        """

    def part(self, predicted: "PredictedImage") -> Any:
        """What an image adds to a file of all images, in JSON's types; None where it adds nothing.

        It is kept on the disk, also for a prediction that goes on after an interruption.
        """

    def close(self, parts: Iterable[Any]) -> None:
        """Write what is of all images together.

        Args:
            parts: of the images, in their order; can be gone through several times, and is too large for the memory.
        """
