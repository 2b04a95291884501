"""Predictions written to files, in one format or in several."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from segsweep import registry
from segsweep.config.yaml_documents import nearest
from segsweep.errors import InputError
from segsweep.inference.prediction_formats import FormatWriter, Subject

if TYPE_CHECKING:
    import numpy as np

    from segsweep.inference.predicted_image import PredictedImage

KIND = "predictionformat"


def usual_formats(task: str) -> list[str]:
    """Names of the formats in which predictions of a task are written where none is asked for."""
    return [name for name, facts in registry.classes(KIND).items() if task in facts.usual_of]


def check_formats(names: Sequence[str], task: str) -> None:
    """Raises InputError where there is no such format, or it cannot hold what the task predicts."""
    known = registry.classes(KIND)
    fitting = [name for name, facts in known.items() if task in facts.tasks]
    problems = [
        f"there is no format {name!r} of predictions. {nearest(name, fitting)}" for name in names if name not in known
    ]
    problems += [
        f"the format {name!r} ({known[name].title}) is for the tasks {', '.join(known[name].tasks)}, and these "
        f"predictions are of the task {task}. Choose of: {', '.join(fitting)}."
        for name in names
        if name in known and name not in fitting
    ]
    if problems:
        raise InputError(*problems)


class PredictionFiles:
    """The files of predictions. As a context, it is closed at its end, also where an exception ends it: what was
    predicted until then is kept.

    Args:
        folder: that they are written to; it is made where it is missing.
        subject: what the predictions are of.
        formats: names; of none, the usual ones of the task.

    Raises:
        InputError: as `check_formats`.
    """

    def __init__(self, folder: Path, subject: Subject, formats: Sequence[str] = ()) -> None:
        names = list(dict.fromkeys(formats)) or usual_formats(subject.task)
        check_formats(names, subject.task)
        known = registry.classes(KIND)
        self._writers: dict[str, FormatWriter] = {
            name: registry.load(known[name]).Writer(folder, subject) for name in names
        }

    @property
    def formats(self) -> list[str]:
        """Names of the formats that are written."""
        return list(self._writers)

    def add(self, predicted: "PredictedImage", image: "np.ndarray") -> list[str]:
        """Write the prediction of an image in all formats.

        Args:
            predicted: the prediction.
            image: uint8, uint16 or float32 (H, W, C), as `segsweep.data.image_files.read_image` gives it.

        Returns:
            Why it is not written in a format, a sentence each that begins with the format's name.
        """
        reasons = {name: writer.add(predicted, image) for name, writer in self._writers.items()}
        return [f"{name}: {reason}" for name, reason in reasons.items() if reason]

    def close(self) -> None:
        """Write what is of all images together."""
        for writer in self._writers.values():
            writer.close()

    def __enter__(self) -> "PredictionFiles":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
