"""Trained models ready to look at pictures: the members of a study's ensemble, and the single model beside them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from segsweep.data.loading import Batches, Normalize
from segsweep.data.prepared import Prepared
from segsweep.data.splits import Refs, choose
from segsweep.inference.predictor import Predictor
from segsweep.search.results import FAILED
from segsweep.training.dataloaders import placing
from segsweep.training.gradients import map_tensors

Run = dict[str, Any]


@dataclass
class LoadedEnsemble:
    """Models of one setting on one prepared data set."""

    prepared: Prepared
    runs: list[Run]
    predictors: list[Predictor]
    device: torch.device

    @property
    def task(self) -> Any:
        """What all of them do."""
        return self.predictors[0].task

    @property
    def train(self) -> Any:
        """The setting that all of them share."""
        return self.predictors[0].train

    def batches(self, refs: Refs) -> Any:
        """Batches of pictures, (batch on the device, outputs of each model), as validation in training makes them."""
        train = self.train
        normalize = Normalize(train.data.preprocessing, self.prepared).to(self.device)
        place = placing(self.device, train.channels_last)
        for loaded in Batches(refs, train.data, self.prepared, train.batch_size, seed=0, training=False).epoch(1):
            batch = place(loaded)
            with torch.inference_mode(), torch.autocast(
                self.device.type, torch.bfloat16, enabled=train.precision == "bf16"
            ):  # fmt: skip
                outputs = [predictor.model(normalize(batch["image"])) for predictor in self.predictors]
            yield batch, [map_tensors(_full, one) for one in outputs]


def _full(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor


def load_ensemble(
    plan: dict[str, Any], runs: list[Run], store: Path, device: str = "auto", threads: int = 1
) -> LoadedEnsemble:
    """Load the best checkpoints of runs of one cell.

    Raises:
        InputError: a checkpoint or the prepared data is missing.
    """
    torch.set_num_threads(threads)
    name = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    where = torch.device(name)
    prepared = Prepared.open(plan["segments"][runs[0]["segments"][-1]]["data"])
    predictors = [Predictor(plan, run, store, prepared) for run in runs]
    for predictor in predictors:
        order = torch.channels_last if predictor.train.channels_last else torch.contiguous_format
        predictor.model.to(where, memory_format=order)
    return LoadedEnsemble(prepared, runs, predictors, where)


def members_of(plan: dict[str, Any], store: Path) -> tuple[list[Run], list[Run]]:
    """The runs of a plan's ensemble that can decide, and those that can't: failed ones, and ones not trained yet."""
    usable, left_out = [], []
    for run in plan["runs"]:
        if run["role"] == "ensemble":
            record = record_of(run, store)
            good = record is not None and record["status"] not in FAILED and record.get("best")
            (usable if good else left_out).append(run)
    return usable, left_out


def single_of(plan: dict[str, Any], store: Path, cell: str, split: str) -> tuple[Run | None, int]:
    """The run of a setting that one would take if there were no ensemble, and how many runs it was chosen from.

    It is the one with the best validation score; trained to its end, if any was. On the split `val`, runs of a
    cross-validation are none: they were trained on pictures of it.
    """
    sign = -1 if plan["study"].get("minimize") else 1
    found = []
    for run in plan["runs"]:
        if run["cell"] != cell or run["role"] == "ensemble" or (split == "val" and run["fold"] is not None):
            continue
        record = record_of(run, store)
        if record is not None and record["status"] not in FAILED and record.get("best"):
            found.append((not run.get("pruned"), sign * record["best"]["value"], run))
    if not found:
        return None, 0
    return max(found, key=lambda entry: entry[:2])[2], len(found)


def record_of(run: Run, store: Path) -> dict[str, Any] | None:
    """segment.json of a run's last segment that was trained; None before the whole run is."""
    record = None
    for segment in run["segments"]:
        path = store / segment / "segment.json"
        if not path.is_file():
            return None
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["status"] != "finished":
            break
    return record


def pictures_of(prepared: Prepared, split: str, train: Any, smoke: bool) -> Refs:
    """The pictures of a split that models are scored on: of `val` those of training; of `test` all, but in a smoke."""
    subset = train.data.val_subset if split == "val" or smoke else None
    return [(split, i) for i in choose(prepared, split, subset, train.data.subset_seed)]
