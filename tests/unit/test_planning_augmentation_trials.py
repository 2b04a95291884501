"""Augmentations are tried before anything is trained: when data are prepared, and by planning once they are."""

import json
from pathlib import Path

import numpy as np
import prepare_data
import pytest

from segsweep.config.augmentations import with_lines
from segsweep.data.augmentation import load_augmentation, trial
from segsweep.errors import InputError
from segsweep.planning.augmentation_trials import TRIED
from segsweep.planning.plan_writer import PlanWriter
from segsweep.planning.planner import open_study
from tests.unit.test_data_augmentation_backends import prepared_of
from tests.workspace import SMALL, Workspace


def opened():
    return open_study({"study": "little"}, plans=True)


def test_what_does_not_fit_the_images_is_said_before_anything_trains(tmp_path, monkeypatch, capsys):
    workspace = Workspace.entered(tmp_path, monkeypatch)
    workspace.write_study(train=SMALL | {"data": {"augmentation": "mine.yaml"}})
    pipeline = Path("mine.yaml")
    pipeline.write_text("transforms: [{RandomCrop: {height: 500, width: 40}}]")
    PlanWriter(opened()).start()
    (folder,) = opened().plan.data
    arguments = ["--plan", "results/little/plan.json", "--output", folder]
    assert prepare_data.main(arguments) == 2
    said = capsys.readouterr().err
    assert "mine.yaml:1 (RandomCrop): a transform cannot be applied to an image of" in said
    assert "exceeds image dimensions" in said

    pipeline.write_text("transforms:\n- GaussianBlur: {sigma_limit: big}\n- OneOf: {transforms: [D4: {p: 3}]}")
    with pytest.raises(InputError) as refused:
        opened()
    assert [problem.split(" input should")[0] for problem in refused.value.problems] == [
        "mine.yaml:2: GaussianBlur: sigma_limit is 'big':",
        "mine.yaml:3: D4: p is 3:",
    ]

    pipeline.write_text("transforms: [HorizontalFlip]")
    PlanWriter(opened()).start()
    assert prepare_data.main(arguments) == 0
    assert len(json.loads(Path(folder, TRIED).read_text())) == 1
    monkeypatch.setattr(trial, "trial", None)  # it is not tried again
    assert opened().plan.data == [folder]


@pytest.mark.parametrize(
    "group", [{"SomeOf": {"transforms": ["D4"], "n": "two"}}, {"OneOf": {"transforms": [{"D4": {"p": 0}}]}}]
)
def test_groups_that_albumentations_refuses(tmp_path, group):
    pipeline = tmp_path / "mine.yaml"
    pipeline.write_text(json.dumps({"transforms": [group]}))
    with pytest.raises(InputError, match=f"mine.yaml: {next(iter(group))}: its arguments are refused"):
        load_augmentation(str(pipeline))


def test_each_problem_has_the_line_of_its_transform(tmp_path):
    pipeline = tmp_path / "mine.yaml"
    pipeline.write_text(
        "description: x\ntransforms:\n- D4\n- Affine:\n    scale: 1.0\n- OneOf:\n    transforms:\n"
        "    - Affine:\n        p: 0.5\n        scale: big\n    - GaussNoise: {p: 7}\n"
        "- SomeOf: {transforms: [D4], n: two}\n"
    )
    with pytest.raises(InputError) as refused:
        load_augmentation(str(pipeline))
    found = with_lines(str(pipeline), refused.value.problems)
    assert [problem.removeprefix(str(pipeline)).split(" ")[0] for problem in found] == [":10:", ":11:", ":12:"]
    applied = [f"{pipeline} (Affine, D4): no", f"{pipeline} (GaussNoise): no", "data.augmentation: something else"]
    assert with_lines(str(pipeline), applied) == [
        f"{pipeline}:2 (Affine, D4): no", f"{pipeline}:11 (GaussNoise): no", applied[2]
    ]  # fmt: skip


def test_a_trial_of_large_images_ends(tmp_path, monkeypatch):
    prepared = prepared_of([np.full((40, 60, 3), value, np.uint8) for value in (10, 90, 200)], tmp_path)
    drawn = []
    monkeypatch.setattr(trial.Batches, "epoch", lambda self, draw: drawn.append(draw) or iter(()))
    assert trial.trial("basic", "albumentations", prepared) == []
    assert drawn == list(range(trial.DRAWS))
    monkeypatch.setattr(trial, "ENOUGH", 0.0)
    assert trial.trial("basic", "albumentations", prepared) == []
    assert drawn[trial.DRAWS :] == [0]
