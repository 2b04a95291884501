"""What a plan says of settings that cut pages into patches: refused before anything is decoded, and their addresses."""

import pytest

from segsweep.config.train import Data, Patches
from segsweep.errors import InputError
from segsweep.planning.addresses import revision_of_key
from segsweep.planning.announcement import announce
from segsweep.planning.planner import open_study
from tests.workspace import SMALL, Workspace


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    return Workspace.entered(tmp_path, monkeypatch)


def plan(workspace, patches=None, **keys):
    data = {} if patches is None else {"data": {"patches": patches}}
    workspace.write_study(train=SMALL | data | keys.pop("train", {}), **keys)
    return open_study({"study": "little"}, plans=True).plan


@pytest.mark.parametrize(
    ("patches", "message"),
    [
        ({"size": 64, "overlap": 64}, r"little\.yaml:\d+: train\.data\.patches: overlap is 64, the patch 64 pixels"),
        (
            {"size": 64, "overlap": -8},
            r"little\.yaml:\d+: train\.data\.patches\.overlap is -8: .*greater than or equal to 0",
        ),
        ({"size": 512, "page_size": 256}, r"train\.data\.patches: size is 512, page_size 256"),
    ],
)
def test_patches_that_do_not_cover_pages_are_refused(workspace, patches, message):
    with pytest.raises(InputError, match=message):
        plan(workspace, patches)


def test_a_level_that_does_not_cover_pages_is_refused_where_it_stands(workspace):
    with pytest.raises(InputError, match=r"little\.yaml:\d+: data\.patches: overlap is 48, the patch 32 pixels"):
        plan(workspace, {"size": 32}, grid={"data.patches.overlap": [0, 16, 48]})


def test_patches_and_a_crop_exclude_each_other(workspace):
    with pytest.raises(InputError, match="patches excludes image_size and crop"):
        plan(workspace, train={"data": {"patches": {"size": 32}, "crop": [16, 16]}})


@pytest.mark.parametrize(("dataset", "task"), [("demo_text", "text"), ("demo_multitask", "multitask")])
def test_patches_are_refused_for_what_cannot_be_stitched(workspace, dataset, task):
    metric = {"text": "val/hmean", "multitask": "val/map50"}[task]
    for grid in ({"optimizer.lr": [1e-3]}, {"data.patches": [None, {"size": 32}]}):
        with pytest.raises(
            InputError, match=rf"\.yaml:\d+: train\.data\.patches is for masks.* is {task}\. Leave it out"
        ):
            plan(
                workspace,
                None if "data.patches" in grid else {"size": 32},
                dataset=dataset,
                metric=metric,
                grid=grid,
            )


def test_what_was_prepared_and_trained_from_overlapping_patches_is_made_again(workspace, monkeypatch):
    def addresses(**data):
        found = plan(workspace, train={"data": data}, grid={"optimizer.lr": [1e-3]})
        return found.data, list(found.segments)

    settings = [
        {"patches": {"size": 32}},
        {"patches": {"size": 32, "overlap": 16}},
        {"patches": {"size": 32}, "val_subset": 1},
        {"val_subset": 1},
        {},
    ]
    now = [addresses(**data) for data in settings]
    monkeypatch.setattr(Data, "revision", 1)
    monkeypatch.delitem(Patches.model_fields["overlap"].json_schema_extra, "revision")
    revision_of_key.cache_clear()
    before = [addresses(**data) for data in settings]
    revision_of_key.cache_clear()
    assert [a == b for (a, _), (b, _) in zip(now, before, strict=True)] == [True, False, True, True, True]
    assert [a == b for (_, a), (_, b) in zip(now, before, strict=True)] == [True, False, False, True, True]


@pytest.mark.parametrize(("overlap", "patches"), [(56, None), (57, 84), (63, 4096)])
def test_a_plan_says_where_pages_become_very_many_patches(workspace, overlap, patches):
    workspace.write_study(grid={"data.patches": [{"size": 64, "overlap": 8}, {"size": 64, "overlap": overlap}]})
    said = []
    announce(open_study({"study": "little"}, plans=True), said.append)
    expected = f"  data.patches: with an overlap of {overlap} of 64 pixels each pixel lies in about {patches or 0:,} "
    assert [line.startswith(expected) for line in said if "each pixel lies in" in line] == [True] * bool(patches)


@pytest.mark.parametrize(
    ("dataset", "metric", "space", "message"),
    [
        ("demo_text", "val/hmean", {"data.patches": [None, {"size": 32}]}, "train.data.patches is for masks"),
        (
            "demo_text",
            "val/hmean",
            {"data.image_sampling": [{"name": "uniform"}, {"name": "repeat_factor", "threshold": 0.3}]},
            "data.image_sampling: repeat_factor goes by the classes of masks, and data of the task text has none",
        ),
        (
            "demo_multilabel",
            "val/miou",
            {"loss.main": [{"bce": 1}, {"cross_entropy": 1}]},
            "loss.main.cross_entropy: for data sets of the task",
        ),
    ],
)
def test_what_a_task_cannot_have_is_refused_in_a_space(workspace, dataset, metric, space, message):
    train = {name: value for name, value in SMALL.items() if name != "loss"}
    workspace.write_study(dataset=dataset, metric=metric, train=train, grid=None, sweep={"trials": 2, "space": space})
    with pytest.raises(InputError) as error:
        open_study({"study": "little"}, plans=True)
    place, _, found = str(error.value).partition(": ")
    line = (workspace.folder / "config/studies/little.yaml").read_text().splitlines()[int(place.rpartition(":")[2]) - 1]
    assert found.startswith(message)
    assert line.strip() == f"{next(iter(space))}:"
