"""What the plan says of settings: with the data set, all problems at once."""

import pytest

from segsweep.config.encoder_names import wrong_encoder
from segsweep.config.train import Train
from segsweep.errors import InputError, check_all
from segsweep.planning.planner import open_study
from segsweep.planning.setting_checks import about_schedules, about_sizes
from tests.workspace import SMALL, Workspace


@pytest.fixture
def workspace(tmp_path, monkeypatch) -> Workspace:
    return Workspace.entered(tmp_path, monkeypatch)


def planned(workspace, train, **keys):
    workspace.write_study(train=SMALL | train, **keys)
    return open_study({"study": "little"}, plans=True)


def test_all_checks_are_made_and_each_problem_is_named_once():
    def refuses(*problems):
        raise InputError(*problems)

    with pytest.raises(InputError) as error:
        check_all(lambda: refuses("a", "b"), lambda: None, lambda: refuses("b", "c"))
    assert error.value.problems == ["a", "b", "c"]
    check_all(lambda: None)


@pytest.mark.parametrize(
    ("encoder", "weights", "right"),
    [
        ("tu-resnet18", "imagenet", True),
        ("tu-resnet18", None, True),
        ("tu-resnet18", "weights/mine.pt", True),
        ("tu-resnet18.a1_in1k", "imagenet", True),
        ("tu-resnet18", "imagenett", False),
        ("tu-resnet18", "ssl", False),
    ],
)
def test_weights_of_timm_have_one_name(encoder, weights, right):
    train = Train.model_validate({"model": {"arch": "unet", "encoder": encoder, "encoder_weights": weights}})
    assert (not wrong_encoder(train.model)) == right


def test_problems_of_names_metrics_and_folds_are_told_together(workspace):
    train = {"model": SMALL["model"] | {"encoder": "resnett18"}, "early_stopping": {"monitor": "val/mioo"}}
    with pytest.raises(InputError) as error:
        planned(workspace, train, folds=7)
    assert len(error.value.problems) == 3
    encoder, monitor, folds = error.value.problems
    assert "resnett18" in encoder
    assert "resnet18" in encoder
    assert "'val/mioo'" in monitor
    assert "'val/miou'" in monitor
    assert "the train and val images are 6" in folds
    assert all("little.yaml:" in problem for problem in error.value.problems)


def test_six_images_are_cut_into_six_folds(workspace):
    assert len(planned(workspace, {}, folds=6).runs) == 12


@pytest.mark.parametrize(
    ("scheduler", "said"),
    [
        ({"name": "multistep", "milestones": [5, 2]}, "after 2 epochs, and a run ends after 2"),
        ({"name": "multistep", "milestones": [1, 5]}, ""),
        ({"name": "step", "step_size": 9}, "after 9 epochs, and a run ends after 2"),
        ({"name": "step", "step_size": 1}, ""),
        ({"name": "cosine"}, ""),
    ],
)
def test_steps_of_the_rate_behind_the_end_are_said(workspace, scheduler, said):
    sentences = list(about_schedules(planned(workspace, {"scheduler": scheduler}).design.settings))
    assert len(sentences) == bool(said)
    assert said in "".join(sentences)


def test_large_batches_are_said_with_their_size(workspace):
    [sentence] = about_sizes(planned(workspace, {"data": {"image_size": [16384, 16384]}}).design.settings)
    assert "images of 16384x16384 in batches of 2 are 6.4 GB" in sentence
    assert list(about_sizes(planned(workspace, {"data": {"image_size": [1024, 2048]}}).design.settings)) == []


def test_a_decay_begins_before_the_end_of_a_smoke_test(workspace):
    train = SMALL | {"epochs": 100, "scheduler": {"name": "cosine", "start_epoch": 60}}
    workspace.write_study(train=train, smoke={"epochs": 1, "rescale_epochs": True})
    made = open_study({"study": "little", "smoke": True}, plans=True)
    assert made.design.settings[0].dump["scheduler"]["start_epoch"] == 0
