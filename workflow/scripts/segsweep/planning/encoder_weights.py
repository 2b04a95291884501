"""Named encoder weights that a study's trainings load, and which of them are in this machine's cache.

results/weights/<encoder>.<weights>.json names the files of weights that were fetched, so that planning need not import
the libraries that know where they lie. Weights without such a record, or whose files are gone, are fetched before the
first training.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from segsweep.config.encoder_names import named_weights
from segsweep.io import read_json_or_none, write_json

RECORDS = Path("results/weights")
Weights = tuple[str, str]  # names of an encoder and of its weights


def not_fetched(models: Iterable[Mapping[str, Any]], folder: Path = RECORDS) -> list[Weights]:
    """The named weights that settings load and that are not known to be in the cache, in order.

    Args:
        models: sections `model` of training settings, as plain values.
        folder: of the records.
    """
    named = {named_weights(model) for model in models} - {None}
    return sorted(one for one in named if not is_fetched(one, folder))


def is_fetched(weights: Weights, folder: Path = RECORDS) -> bool:
    """Whether the files of weights are where they were when they were fetched."""
    known = read_json_or_none(record_file(weights, folder))
    files = known.get("files") if isinstance(known, dict) else None
    return isinstance(files, list) and bool(files) and all(os.path.isfile(str(file)) for file in files)


def record(weights: Weights, files: Iterable[Path], folder: Path = RECORDS) -> None:
    """Note where the files of weights lie."""
    folder.mkdir(parents=True, exist_ok=True)
    encoder, name = weights
    content = {"encoder": encoder, "weights": name, "files": [str(file) for file in files]}
    write_json(record_file(weights, folder), content)


def record_file(weights: Weights, folder: Path = RECORDS) -> Path:
    """The record of weights."""
    return folder / f"{'.'.join(weights)}.json"


def in_words(weights: Iterable[Weights]) -> str:
    """`imagenet of resnet18, imagenet of tu-lcnet_035`."""
    return ", ".join(f"{name} of {encoder}" for encoder, name in weights)
