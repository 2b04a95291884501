"""Loads what predicts, and keeps the last one, so that a loop over images loads it once."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from segsweep.inference.chosen_models import ChosenModels, choose_models
from segsweep.inference.image_predictor import ImagePredictor
from segsweep.inference.prediction_options import PredictionOptions

if TYPE_CHECKING:
    from segsweep.study_api.opened_study import OpenedStudy


def chosen_models(study: OpenedStudy, of: str) -> ChosenModels:
    """The models of a study that a word means, see `segsweep.inference.chosen_models.choose_models`."""
    with study.in_project():
        return choose_models(study.plan, study.store, study.folder / "ranking.csv", of)


@lru_cache(maxsize=1)
def loaded_predictor(study: OpenedStudy, of: str, device: str, options: PredictionOptions) -> ImagePredictor:
    """What predicts with the models that a word means.

    Raises:
        InputError: as `chosen_models`, or weights or the manifest of their data are missing.
    """
    chosen = chosen_models(study, of)
    with study.in_project():
        return ImagePredictor.load(study.plan, chosen, study.store, options, device=device)
