"""What a plan says of settings that cut pages into patches: refused before anything is decoded, and their addresses."""

import pytest

from segsweep.config.train import Data, Patches
from segsweep.errors import InputError
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
    before = [addresses(**data) for data in settings]
    assert [a == b for (a, _), (b, _) in zip(now, before, strict=True)] == [True, False, True, True, True]
    assert [a == b for (_, a), (_, b) in zip(now, before, strict=True)] == [True, False, False, True, True]
