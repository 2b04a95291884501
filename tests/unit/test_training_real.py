"""The loop with real tasks, networks and prepared data, all as small as they come."""

import csv
from pathlib import Path

import pytest
import torch
import yaml

from segsweep.config.dataset import parse_dataset
from segsweep.data.preparation import prepare
from segsweep.data.prepared import Prepared
from segsweep.store.checkpoints import read_checkpoint
from segsweep.training.loop import train_segment
from tests.fakes import describe

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


def segment(data: str, folder: Path, **more) -> dict:
    """A segment's description on drawn data, which is prepared if it is not there."""
    settings = yaml.safe_load((DATASETS / f"{data}.yaml").read_text())
    dataset = parse_dataset({"name": data} | settings | {"demo": settings["demo"] | SMALL})
    prepared = folder / data
    if not prepared.exists():
        prepare(dataset, folder, None, prepared, "fingerprint")
    train, metric = SETTINGS[data]
    train = {"batch_size": 2, "optimizer": {"lr": 1e-4}, "scheduler": {"name": "poly"}} | train | more.pop("train", {})
    return describe(train, **more) | {"data": str(prepared), "metric": metric}


def run(description: dict, store: Path) -> dict:
    outcome = train_segment(description, store)
    assert outcome["status"] == "finished"
    (store / f"{description['id']}.part").rename(store / description["id"])
    return outcome


@pytest.mark.parametrize("data", SETTINGS)
def test_cut_into_segments_is_the_same_to_the_bit(tmp_path, data):
    whole = segment(data, tmp_path, last=2)
    outcome = run(whole, tmp_path / "whole")
    first = segment(data, tmp_path, last=1, total=2)
    run(first, tmp_path / "cut")
    run(segment(data, tmp_path, last=2, first=2, parent=first["id"]), tmp_path / "cut")
    states = [read_checkpoint(tmp_path / store / whole["id"] / "last.pt") for store in ("whole", "cut")]
    for part in ("model", "criterion"):
        assert states[0][part].keys() == states[1][part].keys()
        assert all(torch.equal(states[0][part][name], states[1][part][name]) for name in states[0][part])
    assert outcome["parameters"] > 1e6
    with (tmp_path / "whole" / whole["id"] / "epochs.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert {"train/loss", "val/loss", whole["metric"]} <= rows[0].keys()


def test_a_fold_validates_on_pictures_of_the_training_split(tmp_path):
    description = segment("demo", tmp_path, last=1) | {"fold": {"index": 1, "k": 3, "seed": 0, "within": "train"}}
    run(description, tmp_path)
    images = (tmp_path / description["id"] / "images.csv").read_text().splitlines()[1:]
    assert len(images) == 2
    names = {line.split(",")[0] for line in images}
    assert names <= set(Prepared.open(tmp_path / "demo").splits["train"].names)
