"""The examples of docs/own_code.md: each network and loss is tried, and trains."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from segsweep.component_checks.study_components import check_study
from segsweep.data.preparation import prepare
from segsweep.planning.own_components import as_text
from segsweep.planning.planner import open_study
from segsweep.store.segment_store import SegmentStore
from segsweep.training.loop import train_segment
from tests.workspace import ROOT, Workspace

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
