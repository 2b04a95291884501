"""Runs trained, written out as scripts, and trained again by these: the same numbers in each epoch."""

import ast
import csv
import runpy
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import export_run
import numpy as np
import prepare_data
import pytest
import torch

from segsweep.config.train import Train
from segsweep.errors import InputError
from segsweep.execution.segment_job import run_job
from segsweep.plain_script.coverage import problems
from segsweep.plain_script.script import script_of
from segsweep.plain_script.trained_run import read_trained_run
from segsweep.planning.plan_file import read_plan
from segsweep.planning.plan_writer import PlanWriter
from segsweep.planning.planner import open_study
from segsweep.store.checkpoints import read_checkpoint
from segsweep.store.segment_store import SegmentStore
from tests.workspace import SMALL, Workspace

EPOCHS = 3
LIBRARIES = {"numpy", "segmentation_models_pytorch", "torch"}
SHAPES = {"kind": "shapes", "train": 7, "val": 3, "size": [40, 48], "classes": 2, "noise": 0.1, "seed": 0}
DATASETS = {
    "two": {"task": "multiclass", "classes": {0: "background", 1: "disc", 2: "square"}, "demo": SHAPES},
    "one": {
        "task": "binary",
        "classes": {0: "background", 1: "disc"},
        "foreground": "disc",
        "demo": SHAPES | {"classes": 1},
    },
    "labels": {
        "task": "multilabel",
        "classes": {0: "disc", 1: "square"},
        "demo": SHAPES | {"kind": "overlaps", "size": [64, 64]},
    },
}
# By name the data set, the metric, and the keys of a setting: together they go through all of the script's template.
RUNS = {
    "as the demo": (
        "two",
        "val/miou",
        {
            "data": {"augmentation": "basic"},
            "scheduler": {"name": "cosine"},
            "loss": {"main": {"cross_entropy": 1.0, "dice": 1.0}},
        },
    ),
    "phases, auxiliary heads, weighted classes": (
        "two",
        "val/miou",
        {
            "model": {"arch": "bisenet", "encoder": "resnet18"},
            "optimizer": {"name": "sgd", "lr": 0.01, "weight_decay": 1e-4},
            "scheduler": {"name": "poly", "warmup": {"iterations": 3}},
            "loss": {
                "main": {"cross_entropy": 1.0},
                "aux": {"cross_entropy": 0.5, "focal": 1.0},
                "aux_weight": 0.4,
                "class_weights": "inverse_log_frequency",
                "phases": [{"until_epoch": 2}, {"main": {"lovasz": 1.0}}],
            },
        },
    ),
    "albumentations, crop, bf16": (
        "two",
        "val/dice",
        {
            "model": SMALL["model"] | {"norm": "group", "dropout": 0.1, "init": {"scheme": "kaiming"}},
            "data": {"augmentation": "heavy", "crop": [32, 64], "preprocessing": "normalize"},
            "precision": "bf16",
            "channels_last": True,
            "loss": {"main": {"tversky": 1.0, "jaccard": 0.5}},
        },
    ),
    "plateau, early stopping, subset, sampling": (
        "two",
        "val/miou",
        {
            "epochs": EPOCHS + 2,  # which it does not reach
            "data": {"train_subset": 6, "image_sampling": {"name": "repeat_factor", "threshold": 1.0}},
            "optimizer": {"name": "adam", "lr": 0.05, "weight_decay_on": "weights", "weight_decay": 1e-2},
            "scheduler": {"name": "plateau", "monitor": "val/loss", "patience": 1, "factor": 0.5},
            "early_stopping": {"monitor": "val/iou/disc", "patience": 2, "min_delta": 1.0},
            "loss": {"main": {"ohem_cross_entropy": 1.0}},
        },
    ),
    "averaged weights, frozen encoder, clipped": (
        "one",
        "val/jaccard",
        {
            "model": {
                "arch": "attention_unet",
                "encoder": "plain18",
                "activation": "gelu",
                "options": {"decoder_channels": [32, 16, 16, 8, 8]},
            },
            "optimizer": {"name": "timm.lamb", "lr": 5e-3, "lr_factor": {"encoder": 0.1}, "freeze": {"until_epoch": 1}},
            "scheduler": {"name": "constant"},
            "ema": {"decay": 0.9, "warmup": True},
            "clip": {"norm": 1.0, "per": "parameter"},
            "loss": {"main": {"bce_dice": 1.0}},
        },
    ),
    "accumulated in two passes, dropout, two phases": (
        "two",
        "val/miou",
        {
            "model": SMALL["model"] | {"dropout": 0.2},
            "accumulate": 2,
            "scheduler": {"name": "poly", "warmup": {"iterations": 2, "unit": "batches"}},
            "loss": {
                "main": {"cross_entropy": 1.0},
                "phases": [{"until_epoch": 1}, {"main": {"focal": 1.0, "dice": 1.0}}],
            },
        },
    ),
    "pages of overlapping patches": (
        "one",
        "val/recall",
        {
            "data": {"patches": {"page_size": 64, "size": 32, "overlap": 8}, "train_subset": 6, "val_subset": 2},
            "loss": {"main": {"bce": 0.5, "dice": 0.5}},
        },
    ),
    "several labels, weighted, sampled": (
        "labels",
        "val/miou",
        {
            "data": {"image_sampling": {"name": "class_balanced"}},
            "optimizer": {"name": "torch.RMSprop", "lr": 1e-3},
            "loss": {"main": {"bce": 1.0, "lovasz": 0.5}, "class_weights": "median_frequency"},
        },
    ),
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    made = Workspace(tmp_path_factory.mktemp("scripts"))
    for name, dataset in DATASETS.items():
        made.write(f"config/datasets/{name}.yaml", {"name": name, "reader": "demo"} | dataset)
    return made


def train(workspace, dataset, metric, setting):
    """Train a study of one run; its name and the plan."""
    whole = SMALL | {"epochs": EPOCHS} | setting
    also = ["val/soft_jaccard", "val/dice"] if dataset == "one" else []
    grid = {"epochs": [whole["epochs"]]}
    workspace.write_study(dataset=dataset, metric=metric, also_report=also, train=whole, grid=grid)
    study = open_study({"study": "little"}, plans=True)
    PlanWriter(study).start()
    for folder in study.plan.prepared:
        assert prepare_data.main(["--plan", str(study.plan_file), "--output", str(folder)]) == 0
    (run,) = study.plan.runs
    plan = Path(shutil.copy(study.plan_file, f"{run.segments[-1]}.json"))  # a job remembers the plan that it has read
    for segment in run.segments:
        assert run_job(plan, segment, Path("results/segments"), device="cpu", threads=1) == 0
    return run


def export(run):
    """Write plain.py, in place of the one of another test."""
    Path("plain.py").unlink(missing_ok=True)
    assert export_run.main([run.run, "--study", "little", "--script", "plain.py"]) == 0


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", RUNS)
def test_a_script_trains_a_run_to_the_same_numbers(name, workspace, monkeypatch):
    monkeypatch.chdir(workspace.folder)
    dataset, metric, setting = RUNS[name]
    run = train(workspace, dataset, metric, setting)
    export(run)

    check = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E,F", "--line-length", "120", "plain.py"]
    assert subprocess.run(check, capture_output=True, text=True, check=False).stdout == "All checks passed!\n"
    monkeypatch.setattr("sys.argv", ["plain.py", "--out", "again"])
    runpy.run_path("plain.py", run_name="__main__")

    store = SegmentStore(Path("results/segments"))
    theirs, ours = read(Path("again/epochs.csv")), [row for one in run.segments for row in store.read_rows(one)]
    assert len(theirs) == len(ours) == EPOCHS
    for their, our in zip(theirs, ours, strict=True):
        compared = {column for column in our if column.startswith(("train/", "val/"))} | {"epoch", "lr"}
        assert {column: their[column] for column in compared} == {column: our[column] for column in compared}
    best = store.record(run.segments[-1]).best[f"max {metric}"]
    assert float(theirs[best["epoch"] - 1][metric]) == pytest.approx(best["value"], abs=1e-12)
    weights = read_checkpoint(store.weights(best["segment"], best["epoch"]))["model"]
    again = torch.load("again/best.pt", weights_only=True)
    assert all(np.array_equal(a, b) for a, b in zip(again.values(), weights.values(), strict=True))


def test_a_script_is_one_plain_file(workspace, monkeypatch):
    monkeypatch.chdir(workspace.folder)
    run = train(workspace, *RUNS["as the demo"])
    export(run)
    text = Path("plain.py").read_text(encoding="utf-8")
    imported = {
        (one.module if isinstance(one, ast.ImportFrom) else one.names[0].name).partition(".")[0]
        for one in ast.walk(ast.parse(text))
        if isinstance(one, ast.Import | ast.ImportFrom)
    }
    assert imported - sys.stdlib_module_names == LIBRARIES
    assert "segsweep" not in text
    assert len(text.splitlines()) < 500
    assert max(map(len, text.splitlines())) <= 120


# What of a setting cannot be written out, and what is said of it.
REFUSED = {
    "model.arch: dbnet": {"model": {"arch": "dbnet"}},
    "model.encoder_weights: a file of weights": {"model": {"encoder_weights": "my/weights.pt"}},
    "data.augmentation_backend: torchvision": {
        "data": {"augmentation": "basic", "augmentation_backend": "torchvision"}
    },
    "precision: fp16": {"precision": "fp16"},
    "code of your own: my_loss.py:build": {"loss": {"main": {"my_loss.py:build": 1.0}}},
    "code of your own: my_loss.py:augment": {"data": {"augmentation": "my_loss.py:augment"}},
}
OWN = """from torch import nn
def build():
    return nn.CrossEntropyLoss(ignore_index=255)
def augment():
    return lambda image, mask: (image, mask)
"""


def test_what_a_script_cannot_hold_is_refused_by_its_name(workspace, monkeypatch, capsys):
    monkeypatch.chdir(workspace.folder)
    run = train(workspace, *RUNS["as the demo"])
    plan, store = read_plan(Path("results/little/plan.json")), SegmentStore(Path("results/segments"))
    known = read_trained_run(plan, run.run, store)
    assert problems(known) == []
    Path("my_loss.py").write_text(OWN, encoding="utf-8")
    for said, keys in REFUSED.items():
        assert problems(replace(known, train=Train.model_validate(SMALL | keys))) == [said]
    halved = replace(known, record=replace(known.record, micro_batch=1))
    assert problems(halved) == ["batches passed through the network in parts of 1 images (on_oom)"]
    with pytest.raises(
        InputError, match=r"little, run .*: a plain script cannot hold batches passed .* docs/own_code.md"
    ):
        script_of(halved, "plain.py")

    Path("plain.py").unlink(missing_ok=True)
    assert export_run.main(["other", "--study", "little", "--script", "plain.py"]) == 2
    assert f"There are: {run.run}" in capsys.readouterr().err
    shutil.rmtree(store.folder(run.segments[-1]))
    assert export_run.main([run.run, "--study", "little", "--script", "plain.py"]) == 2
    assert f"lacks {run.segments[-1]}. Train it first" in capsys.readouterr().err


def test_a_study_is_named_as_elsewhere_and_no_file_is_written_over(workspace, monkeypatch, capsys):
    monkeypatch.chdir(workspace.folder)
    run = train(workspace, *RUNS["as the demo"])
    words = ["--study", "config/studies/little.yaml", "--script", "by_path.py", "dataset=two", "--", "smoke=false"]
    assert export_run.main([run.run, *words]) == 0
    written = Path("by_path.py").read_text(encoding="utf-8")
    assert export_run.main([run.run, *words]) == 2
    assert capsys.readouterr().err == "by_path.py is there already. Remove it, or choose another file with --script.\n"
    assert Path("by_path.py").read_text(encoding="utf-8") == written
    assert export_run.main([run.run, "--study", "littel", "--script", "other.py"]) == 2
    assert "little" in capsys.readouterr().err
    assert export_run.main([run.run, "--study", "little", "--script", "other.py", "smoke=true"]) == 2
    assert "smoke=true was asked for" in capsys.readouterr().err
    assert export_run.main([run.run, "--study", "little", "--script", "by_path.py/other.py"]) == 2
    assert "by_path.py/other.py: cannot be written" in capsys.readouterr().err


def test_a_run_that_diverged_diverges_again(workspace, monkeypatch, capsys):
    monkeypatch.chdir(workspace.folder)
    dataset, metric, setting = RUNS["as the demo"]
    run = train(workspace, dataset, metric, setting | {"optimizer": {"lr": 1e9}})
    store = SegmentStore(Path("results/segments"))
    assert store.record(run.segments[-1]).status == "diverged"
    export(run)
    monkeypatch.setattr("sys.argv", ["plain.py", "--out", "diverged"])
    with pytest.raises(SystemExit, match="The training diverged in epoch 1"):
        runpy.run_path("plain.py", run_name="__main__")
    assert store.read_rows(run.segments[-1]) == []
    assert not any(Path("diverged").iterdir())
