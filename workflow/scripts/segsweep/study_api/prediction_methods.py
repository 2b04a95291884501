"""Predictions by models of a study: what a run and an ensemble have in common."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from segsweep.inference.predicted_image import PredictedImage
    from segsweep.study_api.opened_study import OpenedStudy


class PredictionMethods:
    """Predicts images by models of a study.

    Attributes:
        study: that the models belong to.
        of: which models, in the words of `segsweep.inference.chosen_models.choose_models`.
    """

    study: OpenedStudy
    of: str

    def predict(self, image: Path | str | np.ndarray, *, device: str = "auto", **options: Any) -> PredictedImage:
        """What is predicted of one image, in the image's own size.

        The image is looked at as validation looks at images: resized, or cut into patches, as the setting says. The
        networks of the last call are kept, so that a loop over images loads them once.

        Args:
            image: file of any format that data sets may have, or array (H, W) or (H, W, C), RGB, of the type of the
                data set's images.
            device: `cpu`, `cuda`, `cuda:1`, or `auto` for a GPU where there is one.
            options: `window`, `overlap`, `flips`, `smooth`, as in
                `segsweep.inference.prediction_options.PredictionOptions`.

        Raises:
            InputError: the image is damaged or not of the kind that the networks were trained on, the options do not go
                with the task, the weights are not there, or segsweep did not train the run.
        """
        from segsweep.inference.prediction_options import PredictionOptions
        from segsweep.study_api.predicting import loaded_predictor

        return loaded_predictor(self.study, self.of, device, PredictionOptions(**options)).predict(image)

    def predict_folder(
        self,
        images: Path | str,
        output: Path | str,
        *,
        formats: Sequence[str] = (),
        device: str = "auto",
        **options: Any,
    ) -> pd.DataFrame:
        """Write what is predicted of all images of a folder, as `make predict` does.

        Args:
            images: folder, with folders in it.
            output: folder for the predictions; those of an earlier call are removed, or gone on with where it was
                interrupted.
            formats: `index`, `overlay` and others, see docs/predict.md; what suits the task if none is given.
            device, options: see `predict`.

        Returns:
            A row for each file, as in predictions.csv: whether it was predicted, and if not, why.

        Raises:
            InputError: nothing is there to predict or to predict with, or the output holds other files.
        """
        from segsweep.inference.prediction_options import PredictionOptions
        from segsweep.study_api.predicting import predict_folder

        return predict_folder(
            self.study, self.of, Path(images), Path(output), formats, device, PredictionOptions(**options)
        )
