"""Predictions for a folder of images that nobody prepared, in files, with a table of what became of each image."""

import shutil
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from segsweep import registry
from segsweep.config.dataset import parse_dataset
from segsweep.data.image_names import not_a_name
from segsweep.errors import InputError
from segsweep.formatting import plural
from segsweep.inference.chosen_models import BEST, ChosenModels, choose_models
from segsweep.inference.image_folder import files_below
from segsweep.inference.image_predictor import DEFAULTS, ImagePredictor
from segsweep.inference.interrupted_prediction import (
    MICRO_BATCH,
    STAMP,
    STARTS_BATCH,
    done_before,
    identity,
    stamp_of,
)
from segsweep.inference.prediction_files import KIND, NOTHING, SIZES, PredictionFiles, Written, formats_of
from segsweep.inference.prediction_formats import Subject
from segsweep.inference.prediction_journal import JOURNAL, POSITION
from segsweep.inference.prediction_options import PredictionOptions
from segsweep.inference.prediction_stream import Looked
from segsweep.inference.unseen_images import UnseenImage, padded
from segsweep.io import remove_temporaries, write_csv, write_json
from segsweep.planning.plan_file import StudyPlan
from segsweep.store.segment_store import SegmentStore

TABLE, ABOUT = "predictions.csv", "prediction.json"
PREDICTED, SKIPPED = "predicted", "skipped"
ROW = "row"  # of predictions.csv, in the journal
READ_AHEAD = 4  # images


@dataclass
class ImageRow:
    """A row of predictions.csv: a file of the folder.

    Attributes:
        image: its path in the folder.
        name: what its predictions are called.
        status: `predicted` or `skipped`.
        reason: why it was skipped, or why there is nothing of it in a format.
        height, width: in pixels; None where its header cannot be read.
        seconds: to read it, to predict it (an equal share of its batch) and to write; None where it was skipped.
    """

    image: str
    name: str
    status: str = SKIPPED
    reason: str = ""
    height: int | None = None
    width: int | None = None
    seconds: float | None = None


def predict_images(
    plan: StudyPlan,
    store: SegmentStore,
    ranking: Path,
    images: Path,
    output: Path,
    *,
    of: str = BEST,
    options: PredictionOptions = DEFAULTS,
    formats: Sequence[str] = (),
    device: str = "auto",
    threads: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
    say: Callable[[str], None] = lambda text: None,
) -> list[ImageRow]:
    """Predict all images of a folder; one that cannot be predicted is skipped, and predictions.csv says why.

    Args:
        plan: of the study.
        store: of all segments.
        ranking: ranking.csv of the study.
        images: folder of images, or one image.
        output: folder for the predictions. What an earlier prediction wrote there is removed; one that was interrupted,
            by the same models with the same options, goes on.
        of: `best`, `ensemble`, or the name of a run.
        options: how images are looked at.
        formats: names of `segsweep.inference.prediction_formats`; what suits the task if none is given.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        threads: of computations on a CPU.
        progress: called with the number of files done and of all files.
        say: told how much an interrupted prediction had done.

    Returns:
        A row for each file, in the order of their paths.

    Raises:
        InputError: nothing is there to predict, or to predict with, the output holds other files, or another process
            predicts into it.
    """
    torch.set_num_threads(threads)
    files = files_below(images, output)
    chosen = choose_models(plan, store, ranking, of)
    formats = formats_of(formats, plan.dataset["task"])
    predictor = ImagePredictor.load(plan, chosen, store, options, device=device)
    _refuse_other_files(output)
    place = images.parent if images.is_file() else images
    rows = {name: ImageRow(path.relative_to(place).as_posix(), name) for name, path in files.items()}
    about = _about(plan, chosen, predictor, formats)
    same = identity(plan, chosen, predictor, about, threads)
    subject = Subject.of(parse_dataset(plan.dataset))
    with PredictionFiles(output, subject, formats, order=files, about=same) as written:
        work = _Work(predictor, files, rows, written)
        if work.done:
            done = f"{len(work.done):,} of {plural(len(files), 'file')}"
            say(f"{output}: {done} were done before an interruption; going on")
        else:
            _clear(output)
        _clear_unfinished(output)
        write_json(output / ABOUT, about)
        for done in work.predict():
            progress(done, len(files))
        write_csv(output / TABLE, map(asdict, rows.values()))
    return list(rows.values())


class _Work:
    """Files that are predicted in their order, of which an interrupted prediction may have done the first ones.

    Attributes:
        done: names of those.
    """

    def __init__(
        self, predictor: ImagePredictor, files: dict[str, Path], rows: dict[str, ImageRow], written: PredictionFiles
    ) -> None:
        self._predictor, self._files, self._rows, self._written = predictor, files, rows, written
        self._order = _in_batches(predictor, files, rows)
        self._positions = {name: position for position, name in enumerate(self._order)}
        self._stamps = {name: stamp_of(files[name]) for name in self._order}
        self.done = done_before(written, self._order, self._stamps)
        written.keep(self.done)
        for name in self.done:
            note = written.notes[name]
            rows[name] = replace(rows[name], **note[ROW])
            predictor.micro_batch = note[MICRO_BATCH] or predictor.micro_batch

    def predict(self) -> Iterator[int]:
        """Predict files and fill in their rows; how many are done, each time it is more."""
        left = self._order[len(self.done) :]
        done = len(self._files) - len(left)
        yield done
        for looked in self._predictor.predict_each(self._images(left)):
            self._write(looked)
            done += 1
            yield done
        yield len(self._files)

    def _images(self, names: list[str]) -> Iterator[UnseenImage]:
        """The images that can be read."""
        for name, image, seconds in _read_ahead(self._predictor, {name: self._files[name] for name in names}):
            row = self._rows[name]
            if isinstance(image, InputError):
                row.reason = _reason(image, self._files[name])
                self._note(row)
            else:
                row.seconds = seconds
                yield image

    def _write(self, looked: Looked) -> None:
        """Write what was found in an image."""
        row, start = self._rows[looked.image.name], time.perf_counter()
        if isinstance(looked.found, InputError):
            row.reason, row.seconds = str(looked.found), None
            self._note(row, looked)
            return
        written = self._written.write(replace(looked.found, file=row.image), looked.image.pixels)
        row.reason, row.status = " ".join(written.reasons), PREDICTED
        row.seconds = round(row.seconds + looked.seconds + time.perf_counter() - start, 3)
        self._note(row, looked, written)

    def _note(self, row: ImageRow, looked: Looked | None = None, written: Written = NOTHING) -> None:
        """Note that a file is done."""
        note = {
            POSITION: self._positions[row.name],
            STAMP: self._stamps[row.name],
            STARTS_BATCH: looked is not None and looked.starts_batch,
            MICRO_BATCH: looked and looked.micro_batch,
            SIZES: written.sizes,
            ROW: {"status": row.status, "reason": row.reason, "seconds": row.seconds},
        }
        self._written.journal.add(row.name, note, written.parts)


def _in_batches(predictor: ImagePredictor, files: dict[str, Path], rows: dict[str, ImageRow]) -> list[str]:
    """Names of the files whose headers can be read, those that fit into one batch together, as in validation."""
    groups: dict[tuple[int, int], list[str]] = defaultdict(list)
    for name, path in files.items():
        row = rows[name]
        try:
            row.height, row.width = predictor.size_of(path)
        except InputError as error:
            row.reason = _reason(error, path)
            continue
        if wrong := not_a_name(name):
            row.reason = f"the name {wrong}. Rename the file."
            continue
        groups[padded(*predictor.cut_of(row.height, row.width).size)].append(name)
    return [name for group in groups.values() for name in group]


def _read_ahead(
    predictor: ImagePredictor, files: dict[str, Path]
) -> Iterator[tuple[str, UnseenImage | InputError, float]]:
    """Name, image and the seconds that it took to read it; an InputError in place of what cannot be read."""

    def read(name: str) -> tuple[str, UnseenImage | InputError, float]:
        start = time.perf_counter()
        try:
            image = predictor.read(files[name], name)
        except InputError as error:
            image = error
        return name, image, time.perf_counter() - start

    with ThreadPoolExecutor(1) as pool:
        under_way: deque[Future] = deque()
        for name in files:
            under_way.append(pool.submit(read, name))
            if len(under_way) > READ_AHEAD:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def _refuse_other_files(output: Path) -> None:
    """Raises InputError where the output is no folder for predictions."""
    if output.exists() and not output.is_dir():
        raise InputError(f"{output}: a file; predictions are written to a folder. Give another one.")
    if not output.is_dir() or not any(output.iterdir()):
        return
    if not any((output / name).is_file() for name in (ABOUT, JOURNAL)):
        raise InputError(
            f"{output}: the folder holds files that are no predictions of segsweep (there is no {ABOUT}). Give a "
            "folder that is new or empty."
        )


def _clear(output: Path) -> None:
    """Remove what an earlier prediction wrote in its formats."""
    for entry in output.iterdir():
        if entry.name.partition(".")[0] not in registry.classes(KIND):
            continue
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _clear_unfinished(output: Path) -> None:
    """Remove the table of an earlier prediction, and what one that was killed was about to write."""
    (output / TABLE).unlink(missing_ok=True)
    formats = registry.classes(KIND)
    for name in (ABOUT, TABLE, *(f"{name}.*" for name in formats)):
        remove_temporaries(output, name)
    for folder in (output / name for name in formats):
        for below in (folder, *filter(Path.is_dir, folder.rglob("*"))):
            remove_temporaries(below)


def _about(plan: StudyPlan, chosen: ChosenModels, predictor: ImagePredictor, formats: list[str]) -> dict[str, Any]:
    """What is said of predictions beside them."""
    models = zip(chosen.runs, predictor.models, strict=True)
    return {
        "study": plan.name,
        "of": chosen.of,
        "models": [{"run": run.run, "segment": model.segment, "epoch": model.epoch} for run, model in models],
        "method": chosen.method if len(chosen.runs) > 1 else "single model",
        "options": asdict(predictor.options),
        "formats": formats,
    }


def _reason(error: InputError, path: Path) -> str:
    """What is wrong with a file, in one line, without its path: that is in the row."""
    return " ".join(str(error).replace(f"{path}: ", "").split())
