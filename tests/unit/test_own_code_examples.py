"""The examples of docs/own_code.md: each network and loss is tried, and trains."""

import json
import shutil
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
NETWORKS = ("unet", "segformer", "mask2former", "timm", "monai", "torchvision")


@pytest.fixture
def study(tmp_path, monkeypatch):
    """The study of the examples on six images of 64 x 64 pixels, its data prepared."""
    Workspace.entered(tmp_path, monkeypatch)
    shutil.copytree(ROOT / EXAMPLES, EXAMPLES)
    dataset = Path("config/datasets/tiny.yaml")
    dataset.write_text(dataset.read_text().replace("- 32", "- 64"))
    file = Path(EXAMPLES, "networks.yaml")
    file.write_text(file.read_text().replace("dataset: demo", "dataset: tiny").replace("epochs: 4", "epochs: 1"))
    return open_study({"study": str(file)}, plans=True)


def test_all_examples_pass_their_checks_and_train(study):
    ((folder, description),) = study.plan.prepared.items()
    prepare(study.loaded.dataset, Path(description["root"]), None, Path(folder), description["fingerprint"])
    seen = check_study(study.plan, json.loads(as_text(study.own_parts)), Path(folder))
    assert len(seen) == len(NETWORKS)  # one of them is a loss, and the U-Net is built in
    assert all("logits (4, 3, 64, 64)" in line for line in seen if line.startswith("model"))
    store = SegmentStore(Path("results/segments"))
    outcomes = {one.label: train_segment(one, store)["status"] for one in study.plan.segments.values()}
    assert outcomes == {f"networks run {name} seed=0": "finished" for name in NETWORKS}
