"""The examples of docs/own_code.md: each network and loss is tried, and trains."""

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import prepare_data
import pytest
import yaml
from PIL import Image

from segsweep.component_checks.study_components import check_study
from segsweep.data.preparation import prepare
from segsweep.planning.own_components import as_text
from segsweep.planning.plan_writer import PlanWriter
from segsweep.planning.planner import open_study
from segsweep.store.segment_store import SegmentStore
from segsweep.training.loop import train_segment
from tests.workspace import ROOT, SMALL, Workspace

EXAMPLES = "docs/examples/components"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A workspace with the examples, whose data set has six images of 64 x 64 pixels."""
    Workspace.entered(tmp_path, monkeypatch)
    shutil.copytree(ROOT / EXAMPLES, EXAMPLES)
    dataset = Path("config/datasets/tiny.yaml")
    dataset.write_text(dataset.read_text().replace("- 32", "- 64"))
    return Path(EXAMPLES)


@pytest.mark.parametrize(
    ("name", "cells", "tried"),
    [
        (
            "networks",
            ["unet", "segformer", "mask2former", "timm", "monai", "torchvision"],
            {"model": 5, "loss.main": 1},
        ),
        (
            "all_kinds",
            ["decay=0.25", "decay=1"],
            {
                "model": 1, "loss.main": 1, "optimizer": 1, "scheduler": 1,
                "data.augmentation": 1, "data.image_sampling": 1, "val/worst_iou": 1,
            },
        ),
    ],
)  # fmt: skip
def test_all_examples_pass_their_checks_and_train(folder, name, cells, tried):
    file = folder / f"{name}.yaml"
    file.write_text(file.read_text().replace("dataset: demo", "dataset: tiny").replace("epochs: 4", "epochs: 1"))
    study = open_study({"study": str(file)}, plans=True)
    ((data, description),) = study.plan.prepared.items()
    prepare(study.loaded.dataset, Path(description["root"]), None, Path(data), description["fingerprint"])
    seen = check_study(study.plan, json.loads(as_text(study.own_parts)), Path(data))
    assert Counter(line.partition(f" {EXAMPLES}")[0].partition(f".{EXAMPLES}")[0] for line in seen) == tried
    store = SegmentStore(Path("results/segments"))
    outcomes = {one.label: train_segment(one, store)["status"] for one in study.plan.segments.values()}
    assert list(outcomes.values()) == ["finished"] * len(cells)
    assert all(cell in label for cell, label in zip(cells, outcomes, strict=True))


def write_pairs(root: Path, ending: str) -> None:
    """Two images in each of the splits train and val, with a mask of two classes each."""
    rng = np.random.default_rng(0)
    for path in (root / split / f"{split}{i}" for split in ("train", "val") for i in range(2)):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (32, 32, 3), np.uint8)).save(f"{path}.png")
        Image.fromarray(rng.integers(0, 2, (32, 32), np.uint8)).save(f"{path}{ending}")


@pytest.mark.parametrize("opens", [True, False])
def test_a_reader_reads_and_is_tried_before_images_are_prepared(folder, capsys, opens):
    reader = folder / "pairs.py"
    if not opens:
        reader.write_text(reader.read_text().replace('f"{name}{ending}")', 'f"{name}.txt")'))
    write_pairs(Path("data/pairs"), "_gt.png")
    dataset = {"name": "pairs", "reader": f"../../{EXAMPLES}/pairs.py:read", "root": "pairs", "ending": "_gt.png"}
    dataset |= {"task": "multiclass", "classes": {0: "background", 1: "cell"}}
    Path("config/datasets/pairs.yaml").write_text(yaml.safe_dump(dataset))
    Path("config/studies/pairs.yaml").write_text(
        yaml.safe_dump(
            {"name": "pairs", "dataset": "pairs", "metric": "val/miou", "train": SMALL, "grid": {"epochs": [1]}}
        )
    )
    study = open_study({"study": "pairs"}, plans=True)
    PlanWriter(study).start()
    (data,) = study.plan.data
    assert prepare_data.main(["--plan", str(study.plan_file), "--output", data]) == (0 if opens else 2)
    said = capsys.readouterr()
    if opens:
        assert "pairs: 2 train, 2 val; 2 classes" in said.out
    else:
        assert (
            f"{EXAMPLES}/pairs.py:8: reader {EXAMPLES}/pairs.py:read: the first item of train cannot be used"
            in said.err
        )
