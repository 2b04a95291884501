"""What a segment's folder holds of its epochs, and in which of them a run is best."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from segsweep.errors import InputError
from segsweep.io import read_json
from segsweep.metrics import column, improves
from segsweep.store.segment_store import selection_key


def weights_file(epoch: int) -> str:
    """Name of the weights of an epoch that is kept."""
    return f"weights-{epoch:04d}.pt"


def images_file(epoch: int) -> str:
    """Name of the counts of each validation image at an epoch that is kept."""
    return f"images-{epoch:04d}.npz"


def read_epochs(folder: Path) -> tuple[list[dict[str, str]], dict[str, np.ndarray]]:
    """The rows of a segment's epochs.csv, and its counts with a leading axis of epochs (none if it has no counts).

    Raises:
        InputError: a file cannot be read, or the two are not about the same epochs.
    """
    remedy = f"Delete the folder {folder} and train it again."
    try:
        with (folder / "epochs.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise InputError(f"{folder}/epochs.csv: cannot be read ({error.strerror}). {remedy}") from error
    counts = read_counts(folder / "counts.npz") if (folder / "counts.npz").is_file() else {}
    for name, values in counts.items():
        if len(values) != len(rows):
            raise InputError(f"{folder}/counts.npz: {name} has {len(values)} epochs, epochs.csv {len(rows)}. {remedy}")
    return rows, counts


def read_counts(path: Path) -> dict[str, np.ndarray]:
    """Arrays by name.

    Raises:
        InputError: the file is not there, or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as counts:
            return dict(counts)
    except Exception as error:  # of numpy, zipfile or zlib
        raise InputError(f"{path}: cannot be read ({error}). Delete its folder and train it again.") from error


def best_of_run(
    store: Path, segments: Sequence[str], metric: str, minimize: bool, task: str, classes: Sequence[str]
) -> dict[str, Any] | None:
    """Where a run is best, as far as it is trained: {"epoch", "value", "segment"}; None before there is any epoch.

    Args:
        store: folder of all segments.
        segments: of the run, the first one first.
        metric, minimize: by which epochs are compared.
        task, classes: of the data set.
    """
    best = None
    for segment in segments:
        folder = store / segment
        if not (folder / "segment.json").is_file():
            break
        record = read_json(folder / "segment.json")
        known = (record.get("best") or {}).get(selection_key(metric, minimize))
        if known:
            best = known
        elif (folder / "epochs.csv").is_file():  # trained while the study had another metric
            rows, counts = read_epochs(folder)
            for row, value in zip(rows, column(metric, rows, counts, task, classes).tolist(), strict=True):
                if improves(value, best and best["value"], minimize):
                    best = {"epoch": int(row["epoch"]), "value": value, "segment": segment}
        if record["status"] != "finished":
            break
    return best
