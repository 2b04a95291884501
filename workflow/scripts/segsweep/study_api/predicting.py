"""Loads what predicts, with the project of the study as working folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import torch

from segsweep.inference.chosen_models import ChosenModels, choose_models
from segsweep.inference.image_predictor import ImagePredictor
from segsweep.inference.predict_images import predict_images
from segsweep.inference.prediction_options import PredictionOptions

if TYPE_CHECKING:
    from segsweep.study_api.opened_study import OpenedStudy


def chosen_models(study: OpenedStudy, of: str) -> ChosenModels:
    """The models of a study that a word means, see `segsweep.inference.chosen_models.choose_models`."""
    with study.in_project():
        return choose_models(study.plan, study.store, study.folder / "ranking.csv", of)


@lru_cache(maxsize=1)
def loaded_predictor(study: OpenedStudy, of: str, device: str, options: PredictionOptions) -> ImagePredictor:
    """What predicts with the models that a word means; the last one is kept, for a loop over images.

    Raises:
        InputError: as `chosen_models`, or weights or the manifest of their data are missing.
    """
    chosen = chosen_models(study, of)
    with study.in_project():
        return ImagePredictor.load(study.plan, chosen, study.store, options, device=device)


def predict_folder(
    study: OpenedStudy,
    of: str,
    images: Path,
    output: Path,
    formats: Sequence[str],
    device: str,
    options: PredictionOptions,
) -> pd.DataFrame:
    """Predictions of a folder, see `segsweep.inference.predict_images.predict_images`, and the rows of its table."""
    images, output = images.absolute(), output.absolute()
    with study.in_project():
        rows = predict_images(
            study.plan, study.store, study.folder / "ranking.csv", images, output,
            of=of, options=options, formats=formats, device=device, threads=torch.get_num_threads(),
        )  # fmt: skip
    return pd.DataFrame(map(asdict, rows)).astype({"height": "Int64", "width": "Int64"})
