"""The ensemble of a study: models of one setting that decide together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segsweep.formatting import plural
from segsweep.study_api.opened_run import OpenedRun

if TYPE_CHECKING:
    import numpy as np

    from segsweep.inference.predicted_image import PredictedImage
    from segsweep.study_api.opened_study import OpenedStudy


@dataclass(frozen=True, repr=False)
class OpenedEnsemble:
    """Models of one setting, each trained on other folds.

    Attributes:
        study: that they belong to.
        runs: of the models.
        method: how they decide: `vote` or `mean`.
    """

    study: OpenedStudy
    runs: list[OpenedRun]
    method: str

    def __repr__(self) -> str:
        return f"<ensemble of {self.study.name}: {plural(len(self.runs), 'model')}, {self.method}>"

    def predict(self, image: Path | str | np.ndarray, *, device: str = "auto", **options: Any) -> PredictedImage:
        """What the models predict together of one image; see `OpenedRun.predict`."""
        from segsweep.inference.prediction_options import PredictionOptions
        from segsweep.study_api.predicting import loaded_predictor

        return loaded_predictor(self.study, "ensemble", device, PredictionOptions(**options)).predict(image)
