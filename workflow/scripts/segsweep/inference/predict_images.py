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
from segsweep.inference.chosen_models import BEST, ChosenModels, choose_models
from segsweep.inference.image_folder import files_below
from segsweep.inference.image_predictor import DEFAULTS, ImagePredictor
from segsweep.inference.prediction_files import KIND, PredictionFiles, check_formats
from segsweep.inference.prediction_formats import Subject
from segsweep.inference.prediction_options import PredictionOptions
from segsweep.inference.unseen_images import UnseenImage, padded
from segsweep.io import write_csv, write_json
from segsweep.planning.plan_file import StudyPlan
from segsweep.store.segment_store import SegmentStore

TABLE, ABOUT = "predictions.csv", "prediction.json"
PREDICTED, SKIPPED = "predicted", "skipped"
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
) -> list[ImageRow]:
    """Predict all images of a folder; one that cannot be predicted is skipped, and predictions.csv says why.

    Args:
        plan: of the study.
        store: of all segments.
        ranking: ranking.csv of the study.
        images: folder of images, or one image.
        output: folder for the predictions; what an earlier prediction wrote there is removed.
        of: `best`, `ensemble`, or the name of a run.
        options: how images are looked at.
        formats: names of `segsweep.inference.prediction_formats`; what suits the task if none is given.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        threads: of computations on a CPU.
        progress: called with the number of files done and of all files.

    Returns:
        A row for each file, in the order of their paths.

    Raises:
        InputError: nothing is there to predict, or to predict with, or the output holds other files.
    """
    torch.set_num_threads(threads)
    files = files_below(images, output)
    chosen = choose_models(plan, store, ranking, of)
    check_formats(formats, plan.dataset["task"])
    predictor = ImagePredictor.load(plan, chosen, store, options, device=device)
    _clear(output)
    place = images.parent if images.is_file() else images
    rows = {name: ImageRow(path.relative_to(place).as_posix(), name) for name, path in files.items()}
    with PredictionFiles(output, Subject.of(parse_dataset(plan.dataset)), formats) as written:
        write_json(output / ABOUT, _about(plan, chosen, predictor, written.formats))
        for done in _predict(predictor, files, rows, written):
            progress(done, len(files))
    write_csv(output / TABLE, map(asdict, rows.values()))
    return list(rows.values())


def _predict(
    predictor: ImagePredictor, files: dict[str, Path], rows: dict[str, ImageRow], written: PredictionFiles
) -> Iterator[int]:
    """Predict files and fill in their rows; how many are done, each time it is more."""
    order = _in_batches(predictor, files, rows)
    skipped = len(files) - len(order)
    yield skipped

    def images() -> Iterator[UnseenImage]:
        nonlocal skipped
        for name, image, seconds in _read_ahead(predictor, {name: files[name] for name in order}):
            if isinstance(image, InputError):
                rows[name].reason = _reason(image, files[name])
                skipped += 1
            else:
                rows[name].seconds = seconds
                yield image

    for done, looked in enumerate(predictor.predict_each(images()), 1):
        row, start = rows[looked.image.name], time.perf_counter()
        if isinstance(looked.found, InputError):
            row.reason, row.seconds = str(looked.found), None
        else:
            row.reason = " ".join(written.add(replace(looked.found, file=row.image), looked.image.pixels))
            row.status = PREDICTED
            row.seconds = round(row.seconds + looked.seconds + time.perf_counter() - start, 3)
        yield skipped + done
    yield len(files)


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


def _clear(output: Path) -> None:
    """Remove what an earlier prediction wrote.

    Raises:
        InputError: the folder holds other files.
    """
    if output.exists() and not output.is_dir():
        raise InputError(f"{output}: a file; predictions are written to a folder. Give another one.")
    if not output.is_dir() or not any(output.iterdir()):
        return
    if not (output / ABOUT).is_file():
        raise InputError(
            f"{output}: the folder holds files that are no predictions of segsweep (there is no {ABOUT}). Give a "
            "folder that is new or empty."
        )
    for entry in output.iterdir():
        if entry.name.partition(".")[0] not in registry.classes(KIND):
            continue
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


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
