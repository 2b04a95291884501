"""The ensemble of a study: models of one setting that decide together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from segsweep.formatting import plural
from segsweep.study_api.opened_run import OpenedRun
from segsweep.study_api.prediction_methods import PredictionMethods

if TYPE_CHECKING:
    from segsweep.study_api.opened_study import OpenedStudy


@dataclass(frozen=True, repr=False)
class OpenedEnsemble(PredictionMethods):
    """Models of one setting, each trained on other folds.

    Attributes:
        study: that they belong to.
        runs: of the models.
        method: how they decide: `vote` or `mean`.
    """

    study: OpenedStudy
    runs: list[OpenedRun]
    method: str
    of: ClassVar[str] = "ensemble"

    def __repr__(self) -> str:
        return f"<ensemble of {self.study.name}: {plural(len(self.runs), 'model')}, {self.method}>"
