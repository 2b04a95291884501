"""Settings, and components of own code, are tried by jobs of their own before the first training."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from segsweep.execution.arithmetic import has_gpu
from tests.workspace import SMALL, Workspace, trainings

NETWORK = """
from torch import nn


class Net(nn.Module):
    def __init__(self, classes, in_channels, width=4):
        super().__init__()
        first, last = nn.Conv2d(in_channels, width, 3, padding=1), nn.Conv2d(width, classes, 1)
        self.layers = nn.Sequential(first, nn.ReLU(), last)

    def forward(self, images):
        return self.layers(images)
"""
LOSS = """
from torch import nn
from torch.nn import functional as F


class Loss(nn.Module):
    def forward(self, logits, target):
        return F.cross_entropy(logits, target)
"""
STARTED = "try the components of own code on tiny-"


def test_what_cannot_train_is_said_before_anything_trains(tmp_path):
    workspace = Workspace(tmp_path)
    workspace.write_tiny_dataset()
    (tmp_path / "mine").mkdir()
    network, loss = tmp_path / "mine/net.py", tmp_path / "mine/loss.py"
    network.write_text(NETWORK)
    loss.write_text(LOSS)
    own = {"model": {"arch": "../../mine/net.py:Net"}, "loss": {"main": {"../../mine/loss.py:Loss": 1.0}}}
    workspace.write_study(train=SMALL | own | {"epochs": 1}, grid={"optimizer.lr": [0.01, 0.001]})

    said = workspace.snakemake("--until", "train_segment", check=False)
    assert said.count(STARTED) == 1
    assert "mine/loss.py:8: loss.main.mine/loss.py:Loss: forward raised IndexError: Target 255 is out of bounds" in said
    assert "leave these pixels out (`ignore_index=255`)" in said
    assert "train little" not in said
    assert not list(tmp_path.glob("results/segments/*-????"))
    assert "check_components=false" in said

    loss.write_text(LOSS.replace("cross_entropy(logits, target)", "cross_entropy(logits, target, ignore_index=255)"))
    said = workspace.snakemake("--until", "train_segment")
    assert said.count(STARTED) == 1
    assert "model mine/net.py:Net: logits (2, 3, 32, 32), 127 parameters that train" in said
    assert len(list(tmp_path.glob("results/segments/*-????"))) == 2

    workspace.write_study(train=SMALL | own | {"epochs": 1}, grid={"optimizer.lr": [0.002, 0.01]})
    assert STARTED not in workspace.snakemake("--dry-run")  # the components are those that were tried
    network.write_text(NETWORK.replace("padding=1", "padding='same'"))
    said = workspace.snakemake("--dry-run")
    assert said.count(STARTED) == 1
    assert len(trainings(said)) == 2  # what was trained before is of no use to it


def test_what_torch_refuses_is_said_at_once_before_any_data_are_prepared(tmp_path):
    workspace = Workspace(tmp_path)
    workspace.write_tiny_dataset()
    optimizers = [
        {"name": "torch.NAdam", "options": {"betas": [0.9, 2.0]}},
        {"name": "torch.RMSprop", "options": {"alfa": 0.9}},
    ]
    grid = {"optimizer": optimizers, "model.options": [SMALL["model"]["options"], {"decoder_channels": [8, 8]}]}
    workspace.write_study(train=SMALL | {"epochs": 1}, grid=grid)

    said = workspace.snakemake(check=False)
    assert "config/studies/little.yaml:" in said
    assert "Invalid beta parameter at index 1: 2.0" in said
    assert "did you mean alpha?" in said
    assert "model: unet cannot be built with the encoder tu-lcnet_035" in said
    assert not list(tmp_path.glob("results/data/*/manifest.json"))
    assert not list(tmp_path.glob("results/segments/*-????"))

    workspace.write_study(train=SMALL | {"epochs": 1}, grid={"optimizer.lr": [0.01, 0.001]})
    said = workspace.snakemake("--until", "train_segment")
    assert said.count("try the settings of little") == 1
    workspace.write_study(train=SMALL | {"epochs": 1}, grid={"optimizer.lr": [0.01, 0.002]})
    said = workspace.snakemake("--until", "train_segment")
    assert len(trainings(said)) == 1
    assert "try the settings of little" not in said


@pytest.mark.skipif(has_gpu(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_said_once_before_any_data_are_prepared(tmp_path):
    workspace = Workspace(tmp_path)
    workspace.write_tiny_dataset()
    workspace.write_study(train=SMALL | {"epochs": 1}, grid={"optimizer.lr": [0.01, 0.001]})
    asked = {"config": ("device=cuda", "warm=false"), "check": False}
    said = workspace.snakemake("--until", "check_device", **asked)
    assert "No GPU is seen here, and trainings ask for one: none will start." in said
    assert said.count("device: cuda is asked for on ") == 1
    said = workspace.snakemake("--dry-run", "--quiet", "host", **asked)
    assert len(trainings(said)) == 2
    reasons = [after for line, after in pairwise(said.splitlines()) if "prepare tiny" in line]
    assert len(reasons) == 1
    assert "/device" in reasons[0]


def test_trainings_wait_for_what_is_tried_whether_or_not_the_data_is_prepared(tmp_path):
    workspace = Workspace(tmp_path)
    workspace.write_tiny_dataset()
    workspace.write_study(train=SMALL | {"epochs": 1}, grid={"optimizer.lr": [0.01, 0.001]})

    assert waits_for(workspace) == {"manifest.json"}  # which waits for it itself
    (data,) = json.loads((tmp_path / "results/little/plan.json").read_text())["data"]
    (tmp_path / data).mkdir(parents=True)
    (tmp_path / data / "manifest.json").write_text("{}")
    (checked,) = waits_for(workspace)  # and what is prepared is not prepared again
    assert len(checked.removesuffix(".txt")) == 16
    (tmp_path / "results/little/checks").mkdir(exist_ok=True)
    (tmp_path / "results/little/checks" / checked).touch()
    assert waits_for(workspace) == set()


def waits_for(workspace: Workspace) -> set[str]:
    """Names of the files that trainings wait for, of a dry run."""
    lines = workspace.snakemake("--dry-run", "--quiet", "host").splitlines()
    reasons = [after for line, after in pairwise(lines) if ": train little" in line]
    assert len(reasons) == 2
    return {Path(one).name for one in reasons[0].partition("updated by another job:")[2].split(", ") if one}
