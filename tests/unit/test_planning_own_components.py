"""Which components of own code a study has tried: each once, in all settings that may train."""

import json
from pathlib import Path

import decide_step
import pytest

from segsweep.component_checks.study_components import check_study, image_shapes
from segsweep.config.train import Train
from segsweep.data.preparation import prepare
from segsweep.data.prepared import Prepared
from segsweep.errors import InputError
from segsweep.planning.own_components import as_text
from segsweep.planning.plan_writer import PlanWriter
from segsweep.planning.planner import open_study
from tests.workspace import SMALL, Workspace

ONE = {"optimizer.lr": [0.01]}  # a grid of one cell
CODE = """
from torch import nn


def one(classes, in_channels, width=4, rate=0.5):
    return nn.Conv2d(in_channels, classes, 1)


def two(classes, in_channels):
    return nn.Conv2d(in_channels, classes + 1, 1)


class Loss(nn.Module):
    def forward(self, logits, target):
        return logits.mean().sqrt() * float("nan")


def flip(pixels):
    return lambda image, mask, rng: (image[:, ::-1], mask)
"""


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    made = Workspace.entered(tmp_path, monkeypatch)
    Path("config/studies/mine.py").write_text(CODE)
    return made


def opened(workspace, **keys):
    workspace.write_study(**keys)
    return open_study({"study": "little"}, plans=True)


def parts(study) -> list[tuple[str, str]]:
    return [(one.key, one.component.own.name.function) for one in study.own_parts]


def test_settings_that_differ_in_fractions_are_tried_once(workspace):
    grid = {"model.rate": [0.1, 0.2], "model.width": [4, 8], "optimizer.lr": [0.01, 0.001]}
    study = opened(workspace, train=SMALL | {"model": {"arch": "mine.py:one"}}, grid=grid)
    assert parts(study) == [("model", "one")] * 2
    assert [one.component.width for one in study.own_parts] == [4, 8]


def test_all_that_a_sweep_may_propose_is_tried_before_its_first_trial(workspace):
    space = {"model.arch": {"choices": ["unet", "mine.py:one", "mine.py:two"]}}
    study = opened(workspace, grid=None, sweep={"trials": 3, "sampler": "random", "space": space})
    assert parts(study) == [("model", "one"), ("model", "two")]


def test_phases_of_a_loss_and_augmentations_are_found(workspace):
    loss = {"main": {"dice": 1.0}, "phases": [{"until_epoch": 1, "main": {"mine.py:Loss": 1.0}}, {}]}
    study = opened(workspace, train=SMALL | {"loss": loss, "data": {"augmentation": "mine.py:flip"}}, grid=ONE)
    assert sorted(parts(study)) == [
        ("data.augmentation", "flip"),
        ("loss.phases.0.main.config/studies/mine.py:Loss", "Loss"),
    ]
    assert study.has_own_components
    assert not open_study({"study": "little", "check_components": False}, plans=True).has_own_components


def test_a_study_without_own_code_has_nothing_tried(workspace):
    study = opened(workspace)
    assert (parts(study), study.has_own_components, study.own_code_digest) == ([], False, "")


def test_the_digest_follows_code_and_settings(workspace):
    train = SMALL | {"model": {"arch": "mine.py:one"}}
    first = opened(workspace, train=train, grid=ONE).own_code_digest
    Path("config/studies/mine.py").write_text(CODE.replace("def two", "# a comment\ndef three"))
    assert opened(workspace, train=train, grid=ONE).own_code_digest == first
    assert opened(workspace, train=train | {"batch_size": 4}, grid=ONE).own_code_digest == first
    other = train | {"model": {"arch": "mine.py:one", "width": 8}}
    assert opened(workspace, train=other, grid=ONE).own_code_digest != first
    Path("config/studies/mine.py").write_text(CODE.replace("classes, 1)", "classes, 3, padding=1)"))
    assert opened(workspace, train=train, grid=ONE).own_code_digest != first


def prepared_of(study) -> Path:
    ((folder, description),) = study.plan.prepared.items()
    prepare(study.loaded.dataset, Path(description["root"]), None, Path(folder), description["fingerprint"])
    return Path(folder)


def test_all_problems_are_said_at_once(workspace):
    train = SMALL | {"model": {"arch": "mine.py:two"}, "loss": {"main": {"mine.py:Loss": 1.0}}}
    study = opened(workspace, train=train, grid=ONE)
    with pytest.raises(InputError) as refused:
        check_study(study.plan, json.loads(as_text(study.own_parts)), prepared_of(study))
    model, loss = sorted(refused.value.problems, reverse=True)
    assert model.startswith(
        "config/studies/mine.py:9: model config/studies/mine.py:two: the network gives (2, 4, 32, 32)"
    )
    assert loss.startswith("config/studies/mine.py:13: loss.main.config/studies/mine.py:Loss: the loss is nan")


def test_images_are_as_large_as_in_training(workspace):
    prepared = Prepared.open(prepared_of(opened(workspace)))
    train = Train.model_validate({"batch_size": 3, "data": {"crop": [40, 24]}})
    assert image_shapes(train, prepared) == ((3, 3, 64, 32), [(1, 3, 32, 32)])


SAMPLER = """
from optuna.samplers import RandomSampler


def drawn(seed, axes):
    return RandomSampler({seed})
"""


@pytest.mark.parametrize(("seed", "status"), [("seed", 0), ("", 2)])
def test_a_sampler_is_tried_before_the_first_decision(workspace, capsys, seed, status):
    Path("config/studies/sampler.py").write_text(SAMPLER.format(seed=seed))
    space = {"optimizer.lr": {"low": 1e-3, "high": 1e-2}}
    study = opened(workspace, grid=None, sweep={"trials": 2, "sampler": "sampler.py:drawn", "space": space})
    PlanWriter(study).start()
    arguments = ["--plan", str(study.plan_file), "--store", "results/segments", "--output", "step_000.json"]
    assert decide_step.main(["--previous", "none", *arguments]) == status
    assert Path("step_000.json").exists() == (status == 0)
    said = "config/studies/sampler.py:5: sweep.sampler config/studies/sampler.py:drawn: two samplers with the same seed"
    assert (said in capsys.readouterr().err) == (status == 2)
