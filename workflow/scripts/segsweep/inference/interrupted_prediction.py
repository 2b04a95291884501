"""What of an interrupted prediction holds, where the same one is asked for again."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

import segsweep
from segsweep.execution.provenance import library_versions
from segsweep.inference.chosen_models import ChosenModels
from segsweep.inference.image_predictor import ImagePredictor
from segsweep.inference.prediction_files import PredictionFiles
from segsweep.inference.prediction_journal import POSITION
from segsweep.planning.plan_file import StudyPlan

STAMP, STARTS_BATCH, MICRO_BATCH = "stamp", "starts_batch", "micro_batch"


def identity(
    plan: StudyPlan, chosen: ChosenModels, predictor: ImagePredictor, about: Mapping[str, Any], threads: int
) -> str:
    """Stands for all that predictions depend on but the images: models, options, data set, code, libraries, device."""

    device = predictor.models[0].forward.device
    content = [
        about,
        plan.dataset,
        [model.train.model_dump(mode="json") for model in predictor.models],
        [predictor.prepared.folder.name, predictor.largest, chosen.min_votes, predictor.micro_batch],
        [torch.cuda.get_device_name(device) if device.type == "cuda" else device.type, threads],
        library_versions(),
        _code(),
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def stamp_of(path: Path) -> list[int] | None:
    """Tells a file from what it was; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns]


def done_before(written: PredictionFiles, order: Sequence[str], stamps: Mapping[str, Any]) -> list[str]:
    """The first images of those to be predicted, in their order, whose predictions hold as they are.

    They end where a batch began: the batches that follow are those of a prediction that nothing interrupted.

    Args:
        written: knows what was done.
        order: names of the images that are to be predicted.
        stamps: of their files.
    """
    last = 0
    for position, name in enumerate(order):
        note = written.notes.get(name)
        if note is None or (note[POSITION], note[STAMP]) != (position, stamps[name]) or not written.is_whole(note):
            return list(order[:last])
        if note[STARTS_BATCH]:
            last = position
    return list(order)


def _code() -> str:
    """Digest of the package's code."""
    digest = hashlib.sha256()
    for path in sorted(Path(segsweep.__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
