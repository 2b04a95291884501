"""The loop with real tasks, networks and prepared data, all as small as they come."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from segsweep import metrics
from segsweep.config.dataset import parse_dataset
from segsweep.data.classes import class_names
from segsweep.data.preparation import prepare
from segsweep.data.prepared import Prepared
from segsweep.planning.plan_file import SegmentPlan
from segsweep.store.best_epoch import read_epochs
from segsweep.store.checkpoints import read_state
from segsweep.store.segment_record import SegmentRecord
from segsweep.store.segment_store import SegmentStore, read_arrays
from segsweep.training.loop import train_segment
from tests.fakes import segment_plan

DATASETS = Path(__file__).parents[2] / "config" / "datasets"
SMALL = {"train": 6, "val": 2, "size": [64, 64]}
SETTINGS = {
    "demo": ({"loss": {"main": {"cross_entropy": 1.0, "dice": 1.0}}, "data": {"augmentation": "basic"}}, "val/miou"),
    "demo_multitask": (
        {
            "model": {"arch": "multitask"},
            "loss": {"seg": {"cross_entropy": 1.0}, "det": {}, "task_weights": "uncertainty"},
        },
        "val/map50",
    ),
    "demo_text": ({"model": {"arch": "dbnet"}, "loss": {"db": {}}}, "val/hmean"),
}


def segment(data: str, folder: Path, **more) -> SegmentPlan:
    """A segment's plan on drawn data, which is prepared if it is not there."""
    settings = yaml.safe_load((DATASETS / f"{data}.yaml").read_text())
    dataset = parse_dataset({"name": data} | settings | {"demo": settings["demo"] | SMALL})
    prepared = folder / data
    if not prepared.exists():
        prepare(dataset, folder, None, prepared, "fingerprint")
    train, metric = SETTINGS[data]
    train = {"batch_size": 2, "optimizer": {"lr": 1e-4}, "scheduler": {"name": "poly"}} | train | more.pop("train", {})
    return segment_plan(train, data=str(prepared), dataset=dataset.model_dump(mode="json"), metric=metric, **more)


def run(one: SegmentPlan, store: Path) -> dict:
    store = SegmentStore(store)
    outcome = train_segment(one, store)
    assert outcome["status"] == "finished"
    store.publish(SegmentRecord.from_json(one.to_json() | outcome))
    return outcome


@pytest.mark.parametrize("data", SETTINGS)
def test_cut_into_segments_is_the_same_to_the_bit(tmp_path, data):
    whole = segment(data, tmp_path, last=2)
    outcome = run(whole, tmp_path / "whole")
    first = segment(data, tmp_path, last=1, total=2)
    run(first, tmp_path / "cut")
    run(segment(data, tmp_path, last=2, first=2, parent=first.id), tmp_path / "cut")
    states = [read_state(tmp_path / store / whole.id / "last.pt") for store in ("whole", "cut")]
    for part in ("model", "criterion"):
        assert states[0][part].keys() == states[1][part].keys()
        assert all(torch.equal(states[0][part][name], states[1][part][name]) for name in states[0][part])
    assert outcome["parameters"] > 1e6
    rows, counts = read_epochs(SegmentStore(tmp_path / "whole"), whole.id)
    assert [row["epoch"] for row in rows] == ["1", "2"]
    task = yaml.safe_load((DATASETS / f"{data}.yaml").read_text())["task"]
    prepared = Prepared.open(tmp_path / data, class_names(whole.dataset))
    (best,) = outcome["best"].values()
    values = metrics.column(whole.metric, rows, counts, task, prepared.classes)
    assert best["value"] == max(values)
    cut = [read_epochs(SegmentStore(tmp_path / "cut"), one)[1] for one in (first.id, whole.id)]
    for name, both in counts.items():
        assert np.array_equal(both, np.concatenate([one[name] for one in cut]))
    images = read_arrays(SegmentStore(tmp_path / "whole").image_counts(whole.id, best["epoch"]))
    rows = metrics.image_rows(images, task, prepared.classes)
    assert [row["image"] for row in rows] == prepared.splits["val"].names


def test_a_fold_validates_on_images_of_the_training_split(tmp_path):
    one = segment("demo", tmp_path, last=1, fold={"index": 1, "k": 3, "seed": 0, "within": "train"})
    run(one, tmp_path)
    names = read_arrays(SegmentStore(tmp_path).image_counts(one.id, 1))["names"].tolist()
    assert len(names) == 2
    assert set(names) <= set(Prepared.open(tmp_path / "demo").splits["train"].names)
