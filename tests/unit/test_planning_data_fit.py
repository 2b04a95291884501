"""What a study asks of prepared data and cannot have: said before the first training."""

import json

import prepare_data
import pytest

from segsweep.config.train import Train
from segsweep.errors import InputError
from segsweep.planning.announcement import announce
from segsweep.planning.data_fit import data_fit
from segsweep.planning.plan_file import SegmentPlan, StudyPlan
from segsweep.planning.plan_writer import PlanWriter
from segsweep.planning.planner import open_study
from tests.workspace import SMALL, Workspace

LOSS = {"main": {"cross_entropy": 1.0}}


def split(names, **further):
    return {"names": names, "pages": None, "largest": [60, 80]} | further


@pytest.fixture
def fit(tmp_path):
    """The problems and warnings of a study of one segment, on a prepared folder."""

    def fitting(train, fold=None, splits=None, **study):
        manifest = {"splits": {"train": split(list("abcdefgh")), "val": split(list("xyz"))} | (splits or {})}
        (tmp_path / "manifest.json").write_text(json.dumps(manifest))
        settings = Train.model_validate({"loss": LOSS} | train).model_dump(mode="json")
        segment = SegmentPlan(
            id="s", label="s", train=settings, seed=0, fold=fold, first_epoch=1, last_epoch=1, total_epochs=1,
            parent=None, data=str(tmp_path), dataset={}, metric="val/miou", minimize=False,
        )  # fmt: skip
        plan = StudyPlan(study=study, name="s", axes=[], cells=[], runs=[], segments={"s": segment, "t": segment})
        found = data_fit(plan, str(tmp_path))
        return found.problems, found.warnings

    return fitting


def fold(k, within="train"):
    return {"index": 0, "k": k, "seed": 0, "within": within}


def test_what_fits_is_not_spoken_of(fit, tmp_path):
    data = {"crop": [60, 80], "train_subset": 8, "val_subset": 3}
    assert fit({"batch_size": 8, "data": data}) == ([], [])
    assert fit({"batch_size": 4}, fold(8)) == ([], [])
    assert fit({"batch_size": 4}, fold(11, "train+val")) == ([], [])
    (tmp_path / "manifest.json").unlink()
    assert data_fit(StudyPlan(study={}, name="s", axes=[], cells=[], runs=[]), str(tmp_path)).problems == []


@pytest.mark.parametrize(
    ("train", "of_fold", "said"),
    [
        ({"batch_size": 9}, None, "batch_size: 9 is more than the 8 images that are trained on: an epoch is one step"),
        ({"batch_size": 7}, fold(4), "batch_size: 7 is more than the 6 images"),
        ({"batch_size": 9}, fold(3, "train+val"), "batch_size: 9 is more than the 8 images"),  # 11 less 3 or 4
        ({"batch_size": 4, "data": {"train_subset": 3}}, None, "batch_size: 4 is more than the 3 images"),
        ({"batch_size": 2, "data": {"train_subset": 9}}, None, "data.train_subset: 9 is more than the 8 images"),
        ({"batch_size": 2, "data": {"val_subset": 4}}, None, "data.val_subset: 4 is more than the 3 images of the spl"),
        (
            {"batch_size": 2, "data": {"crop": [64, 64]}},
            None,
            "data.crop: 64x64 is larger than any training image",
        ),
    ],
)
def test_what_hardly_was_meant(fit, train, of_fold, said):
    problems, warnings = fit(train, of_fold)
    assert problems == []
    (warning,) = warnings
    assert warning.startswith(said)


def test_what_would_fail(fit):
    train = {"batch_size": 2}
    (found,), _ = fit(train, fold(9))
    assert found.startswith("folds: the train images are 8 groups, which cannot be cut into 9 folds")
    grouped = {"train": split(list("abcd"), groups=["p", "p", "q", "q"])}
    (found,), _ = fit(train, fold(3), splits=grouped)
    assert found.startswith("folds: the train images are 2 groups")
    pages = {"train": split(list("abcd"), pages=[{"page": one} for one in "ppqq"])}
    (found,), _ = fit(train, fold(3), splits=pages)
    assert found.startswith("folds: the train images are 2 groups")
    (found,), _ = fit(train, fold(2, "train+val"), splits={"val": split(["a", "x"])})
    assert found.startswith("folds pool the train and val images, and both have one named 'a'")
    assert fit(train, fold(2), splits={"val": split(["a", "x"])})[0] == []
    hidden = {"test": split(["t"], labeled=False)}
    (found,), _ = fit(train, splits=hidden, ensemble={"score_on": "test"})
    assert found.startswith("ensemble.score_on: the split 'test' has no ground truth")
    assert fit(train, splits=hidden, ensemble={"score_on": "val"})[0] == []


def test_channels_to_be_shown_that_images_do_not_have(tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps({"splits": {}, "channels": 4}))
    dataset = {"name": "bands", "display": {"channels": [4, 3, 2]}}
    plan = StudyPlan(study={}, name="s", axes=[], cells=[], runs=[], dataset=dataset)
    (said,) = data_fit(plan, str(tmp_path)).problems
    assert said.startswith("data set bands: display.channels is [4, 3, 2], but its images have channels 0 to 3.")


def test_it_is_said_when_data_are_prepared_and_by_planning(tmp_path, monkeypatch, capsys):
    workspace = Workspace.entered(tmp_path, monkeypatch)  # four training images, two for validation
    workspace.write_study(train=SMALL | {"batch_size": 16})
    study = open_study({"study": "little"}, plans=True)
    PlanWriter(study).start()
    arguments = ["--plan", "results/little/plan.json", "--output", *study.plan.data]
    assert prepare_data.main(arguments) == 0
    note = "batch_size: 16 is more than the 4 images that are trained on"
    assert f"  note: {note}" in capsys.readouterr().out
    lines = []
    announce(open_study({"study": "little"}, plans=True), lines.append)
    assert [line.strip()[: len(note)] for line in lines].count(note) == 1
    workspace.write_study(folds=7)
    with pytest.raises(InputError, match="the train and val images are 6, which cannot be cut into 7 folds"):
        open_study({"study": "little"}, plans=True)
    workspace.write_study(folds=6)
    PlanWriter(open_study({"study": "little"}, plans=True)).start()
    plan = tmp_path / "results/little/plan.json"  # of images in groups, planning does not know how many folds there are
    plan.write_text(plan.read_text(encoding="utf-8").replace('"k": 6', '"k": 7'), encoding="utf-8")
    (tmp_path / study.plan.data[0] / "manifest.json").unlink()
    assert prepare_data.main(arguments) == 2
    assert "cannot be cut into 7 folds" in capsys.readouterr().err


def test_batches_are_said_once_with_their_cells_before_anything_is_prepared(tmp_path, monkeypatch):
    workspace = Workspace.entered(tmp_path, monkeypatch)
    workspace.write_study(grid={"batch_size": [2, 8, 16]}, seeds=[0, 1])
    lines = []
    announce(open_study({"study": "little"}, plans=True), lines.append)
    said = [line.strip() for line in lines if "batch_size: " in line]
    assert said == [
        "batch_size: 8, 16 are more than the 4 images that are trained on (of 2 cells: batch_size=8, batch_size=16): "
        "an epoch is one step with all of them. A smaller batch_size takes more steps."
    ]
    workspace.write_study(
        grid=None, sweep={"trials": 2, "space": {"batch_size": {"low": 2, "high": 64, "integer": True}}}
    )
    lines.clear()
    announce(open_study({"study": "little"}, plans=True), lines.append)
    assert len([line for line in lines if "batch_size: 64 is more than the 4 images" in line]) == 1
