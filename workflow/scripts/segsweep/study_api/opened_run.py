"""A run of a study: its setting, what it scored, its network."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segsweep.errors import InputError
from segsweep.planning.plan_file import PlannedCell, PlannedRun
from segsweep.study_api.prediction_methods import PredictionMethods

if TYPE_CHECKING:
    import pandas as pd
    import torch

    from segsweep.data.prepared import Prepared
    from segsweep.study_api.opened_study import OpenedStudy


@dataclass(frozen=True, repr=False)
class OpenedRun(PredictionMethods):
    """A cell trained with one seed, on one fold.

    Attributes:
        study: that it belongs to.
        planned: how the study's plan has it.
    """

    study: OpenedStudy
    planned: PlannedRun

    def __repr__(self) -> str:
        return f"<run {self.name!r} of {self.study.name}: {self.label}, seed {self.seed}>"

    @property
    def name(self) -> str:
        """Within the study."""
        return self.planned.run

    @property
    def of(self) -> str:
        """See `PredictionMethods`."""
        return self.name

    @property
    def seed(self) -> Any:
        """Its seed; None where a table made elsewhere does not say."""
        return self.planned.seed

    @property
    def fold(self) -> int | None:
        """Index of its fold; None without cross-validation."""
        return self.planned.fold

    @property
    def label(self) -> str:
        """The levels of its cell in words."""
        return self._cell.label

    @property
    def levels(self) -> dict[str, Any]:
        """The value of each hyperparameter that varies, by its dotted key."""
        return copy.deepcopy(self._cell.settings)

    @property
    def settings(self) -> dict[str, Any]:
        """The complete training configuration, nested: `settings["optimizer"]["lr"]`. Of a program of the user's own
        its parameters; empty for results made elsewhere."""
        return copy.deepcopy(self._cell.train)

    @property
    def row(self) -> dict[str, Any]:
        """Its row of runs.csv, missing values left out.

        Raises:
            InputError: it is not trained to its end.
        """
        runs = self.study.runs
        found = runs[runs["run"] == self.name]
        if found.empty:
            raise InputError(
                f"{self.study.name}: the run {self.name} is not trained to its end. `study.missing` says more."
            )
        return found.iloc[0].dropna().to_dict()

    @property
    def status(self) -> str:
        """How it ended: `finished`, `early_stopped`, `pruned`, `diverged`, `oom` or `failed`.

        Raises:
            InputError: it is not trained to its end.
        """
        return self.row["status"]

    @property
    def best_epoch(self) -> int | None:
        """The epoch whose scores and weights are its own, counted from 1; None where no epoch has a score.

        Raises:
            InputError: it is not trained to its end.
        """
        return self.row.get("best_epoch")

    @property
    def scores(self) -> dict[str, float]:
        """Its scores at its best epoch by column of runs.csv: `val/miou`, `val/iou/disc`.

        Raises:
            InputError: it is not trained to its end.
        """
        return {name: value for name, value in self.row.items() if name.startswith("val/")}

    @property
    def epochs(self) -> pd.DataFrame:
        """Its rows of epochs.csv."""
        return self._rows(self.study.epochs)

    @property
    def images(self) -> pd.DataFrame:
        """Its rows of images.csv: scores of each validation image at its best epoch."""
        return self._rows(self.study.images)

    @property
    def data(self) -> Prepared:
        """The images and masks that it is trained and validated on, as they are prepared for its setting:
        `run.data.splits["val"].image(0)`.

        Raises:
            InputError: the prepared data are not there, or segsweep did not train the run.
        """
        from segsweep.data.prepared_checks import open_checked

        return open_checked(self._data_folder, self.study.classes)

    def model(self, device: str = "cpu") -> torch.nn.Module:
        """Its network with the weights of its best epoch, in eval mode; of its last epoch, if it is trained on
        validation images too (the role `retrain`).

        It is the bare network of `settings["model"]`. It takes float32 (B, C, H, W) as `normalization` returns it, for
        most architectures with sides that are multiples of 32, and returns logits, float32 (B, classes, H, W), of a
        binary task with one channel; a dict of tensors where the task has boxes or text.

        Args:
            device: `cpu`, `cuda`, `cuda:1`, or `auto` for a GPU where there is one.

        Raises:
            InputError: the weights or the manifest of the prepared data are not there, or segsweep did not train the
                run.
        """
        from segsweep.execution.cuda import torch_device
        from segsweep.inference.trained_model import load_model

        study, manifest = self.study, self._manifest()
        with study.in_project():
            return load_model(study.plan, self.planned, study.store, manifest, torch_device(device)).forward.model

    def normalization(self, device: str = "cpu") -> torch.nn.Module:
        """What makes the input of `model` of an image's values: (B, C, H, W) of any type, 0..255 of 8-bit images, to
        float32 (B, C, H, W). It has no parameters.

        Args:
            device: see `model`.

        Raises:
            InputError: the manifest of the prepared data is not there, or segsweep did not train the run.
        """
        from segsweep.data.loading import Normalize
        from segsweep.execution.cuda import torch_device

        manifest = self._manifest()
        return Normalize(self.settings["data"]["preprocessing"], manifest).to(torch_device(device)).eval()

    def _manifest(self) -> Prepared:
        from segsweep.data.prepared_facts import open_without_images

        return open_without_images(self._data_folder, self.study.classes)

    @property
    def _data_folder(self) -> Path:
        plan = self.study.plan
        plan.check_builds_networks()
        return Path(plan.segments[self.planned.segments[-1]].data)

    @property
    def _cell(self) -> PlannedCell:
        return self.study.planned_cells[self.planned.cell]

    def _rows(self, table: pd.DataFrame) -> pd.DataFrame:
        return table[table["run"] == self.name].reset_index(drop=True)
