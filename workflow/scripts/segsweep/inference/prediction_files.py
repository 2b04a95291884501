"""Predictions written to files, in one format or in several."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from segsweep import registry
from segsweep.config.yaml_documents import nearest
from segsweep.errors import InputError
from segsweep.inference.prediction_formats import FormatWriter, Subject
from segsweep.inference.prediction_journal import PredictionJournal

if TYPE_CHECKING:
    import numpy as np

    from segsweep.inference.predicted_image import PredictedImage

KIND = "predictionformat"
SIZES = "sizes"


@dataclass(frozen=True)
class Written:
    """What was written of an image.

    Attributes:
        reasons: why it is not written in a format, a sentence each that begins with the format's name.
        sizes: bytes of its files, by their paths in the folder.
        parts: what it adds to the files of all images, by format.
    """

    reasons: list[str]
    sizes: dict[str, int]
    parts: dict[str, Any]


NOTHING = Written([], {}, {})


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


def formats_of(names: Sequence[str], task: str) -> list[str]:
    """Names of the formats that are asked for, each once; of none, the usual ones of the task.

    Raises:
        InputError: as `check_formats`.
    """
    check_formats(names, task)
    return list(dict.fromkeys(names)) or usual_formats(task)


class PredictionFiles:
    """The files of predictions. As a context, it is closed at its end, also where an exception ends it: what was
    predicted until then is kept.

    Args:
        folder: that they are written to; it is made where it is missing.
        subject: what the predictions are of.
        formats: names; of none, the usual ones of the task.
        order: names of the images, as they follow each other in files of all images; else as they are added.
        about: tells this prediction from others, where it may go on with an interrupted one.

    Attributes:
        journal: what is done; removed when all is.
        notes: what an interrupted prediction of the same `about` noted of each image. `keep` says which of them count.

    Raises:
        InputError: as `check_formats`, or another process predicts into the folder.
    """

    def __init__(
        self,
        folder: Path,
        subject: Subject,
        formats: Sequence[str] = (),
        *,
        order: Iterable[str] = (),
        about: str | None = None,
    ) -> None:
        known = registry.classes(KIND)
        self._writers: dict[str, FormatWriter] = {
            name: registry.load(known[name]).Writer(folder, subject) for name in formats_of(formats, subject.task)
        }
        self._folder, self._order, self._about = folder, list(order), about
        self.journal = PredictionJournal(folder)
        self.notes = {} if about is None else self.journal.read(about)
        if not self.notes:
            self.journal.start(about)

    def keep(self, names: Sequence[str]) -> None:
        """Go on with an interrupted prediction of which images are done; of all others it had begun with, files go."""
        if names:
            self.journal.keep(names)
        else:
            self.journal.start(self._about)
        for name in self.notes.keys() - set(names):
            for path in self._files(name):
                path.unlink(missing_ok=True)

    def is_whole(self, note: Mapping[str, Any]) -> bool:
        """Whether the files of an image are those that `write` noted."""
        return all(_size(self._folder / place) == size for place, size in note[SIZES].items())

    def write(self, predicted: "PredictedImage", image: "np.ndarray") -> Written:
        """Write the prediction of an image in all formats; it counts when the journal has it.

        Args:
            predicted: the prediction.
            image: uint8, uint16 or float32 (H, W, C), as `segsweep.data.image_files.read_image` gives it.
        """
        reasons = {name: writer.add(predicted, image) for name, writer in self._writers.items()}
        parts = {name: part for name, writer in self._writers.items() if (part := writer.part(predicted)) is not None}
        sizes = {path.relative_to(self._folder).as_posix(): _size(path) for path in self._files(predicted.name)}
        return Written(
            [f"{name}: {reason}" for name, reason in reasons.items() if reason],
            {place: size for place, size in sizes.items() if size is not None},
            parts,
        )

    def add(self, predicted: "PredictedImage", image: "np.ndarray") -> list[str]:
        """Write the prediction of an image in all formats, see `write`.

        Returns:
            Why it is not written in a format, a sentence each that begins with the format's name.
        """
        written = self.write(predicted, image)
        self.journal.add(predicted.name, {}, written.parts)
        return written.reasons

    def close(self) -> None:
        """Write what is of all images together."""
        for name, writer in self._writers.items():
            writer.close(self.journal.parts_of(name, self._order))

    def __enter__(self) -> "PredictionFiles":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
            if kind is None:
                self.journal.remove()
        finally:
            self.journal.close()

    def _files(self, name: str) -> list[Path]:
        """The files of an image."""
        return [path for writer in self._writers.values() for path in writer.files(name)]


def _size(path: Path) -> int | None:
    """Bytes of a file; None where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return None
