"""Probabilities of the classes as numpy files of half the size."""

from typing import Any, ClassVar

import numpy as np

from segsweep.config.components import PredictionFormat
from segsweep.inference.prediction_formats import probabilities


class HalfProbabilities(PredictionFormat):
    """Probabilities of the classes as numpy files of half the size."""

    title: ClassVar[str] = "probabilities as npz (float16)"
    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "multilabel", "multitask")


class Writer(probabilities.Writer):
    """probabilities_float16/<image>.npz: as `probabilities`, rounded to float16: at most 0.00025 off."""

    name: ClassVar[str] = "probabilities_float16"
    dtype: ClassVar[Any] = np.float16
