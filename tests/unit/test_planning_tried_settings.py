"""Which settings are tried before the first training."""

from pathlib import Path

import pytest

from segsweep.errors import InputError
from segsweep.planning.plan_writer import PlanWriter
from segsweep.planning.planner import open_study
from segsweep.planning.tried_settings import digest, read_tried
from tests.workspace import SMALL, Workspace


@pytest.fixture
def workspace(tmp_path, monkeypatch) -> Workspace:
    return Workspace.entered(tmp_path, monkeypatch)


def tried(workspace, **keys) -> list[tuple[str, str]]:
    workspace.write_study(**keys)
    study = open_study({"study": "little"}, plans=True)
    return [(one["section"], one["where"].rpartition("/")[2]) for one in study.tried["settings"]]


def sections(workspace, **keys) -> list[str]:
    return sorted(section for section, _ in tried(workspace, **keys))


ONE = {"loss.main": [{"cross_entropy": 1.0}]}


def test_each_different_section_once(workspace):
    grid = {"optimizer.lr": [0.1, 0.01, 0.001], "loss.main": [{"cross_entropy": 1.0}, {"dice": 1.0}], "epochs": [1, 2]}
    assert sections(workspace, grid=grid) == ["loss", "loss", "model", "optimizer", "scheduler"]


def test_each_different_augmentation_once_and_again_when_its_file_changes(workspace):
    Path("mine.yaml").write_text("transforms: [D4]")
    Path("same.yaml").write_text("description: the same\ntransforms: [D4]")
    grid = {"data.augmentation": ["none", "mine.yaml", "same.yaml", "basic"], "data.crop": [None, [16, 16]]}
    assert sections(workspace, grid=grid).count("data") == 2
    first = open_study({"study": "little"}, plans=True)
    Path("mine.yaml").write_text("transforms: [D4: {p: 0.5}]")
    assert open_study({"study": "little"}, plans=True).checked_file != first.checked_file


def test_where_is_a_line_of_the_study(workspace):
    lines = dict(tried(workspace, grid=ONE))
    text = (workspace.folder / "config/studies/little.yaml").read_text().splitlines()
    assert "optimizer" in text[int(lines["optimizer"].removeprefix("little.yaml:")) - 1]


def test_all_that_a_sweep_may_propose(workspace):
    space = {"model.encoder": {"choices": ["tu-lcnet_035", "tu-lcnet_050"]}, "optimizer.lr": {"low": 1e-4, "high": 0.1}}
    found = sections(workspace, grid=None, sweep={"trials": 3, "sampler": "random", "space": space})
    assert found.count("model") == 2
    assert found.count("optimizer") == 1


def test_a_number_of_another_kind_is_tried_by_itself(workspace):
    grid = {"optimizer": [{"name": "adamw", "weight_decay": decay} for decay in (0.01, 0.1, 2.5)]}
    assert sections(workspace, grid=grid).count("optimizer") == 2


def test_own_code_is_tried_elsewhere_and_nothing_where_a_person_says_so(workspace):
    Path("config/studies/mine.py").write_text("def build(classes, in_channels):\n    return None\n")
    own = {"train": SMALL | {"model": {"arch": "mine.py:build"}}, "grid": ONE}
    assert "model" not in sections(workspace, **own)
    assert open_study({"study": "little", "check_components": False}, plans=True).tried is None


def test_the_digest_does_not_follow_the_lines(workspace):
    workspace.write_study(grid=ONE)
    first = open_study({"study": "little"}, plans=True)
    file = workspace.folder / "config/studies/little.yaml"
    file.write_text(f"# a comment\n{file.read_text()}")
    moved = open_study({"study": "little"}, plans=True)
    assert moved.tried != first.tried
    assert digest(moved.tried) == digest(first.tried)
    assert moved.checked_file == first.checked_file


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[",
        "3",
        "[]",
        "{}",
        "\0",
        "[" * 100_000,
        '{"settings": 3}',
        '{"settings": [{"section": "model", "train": 3}]}',
    ],
)
def test_a_damaged_list_is_named(content, tmp_path):
    file = tmp_path / "tried_settings.json"
    file.write_text(content)
    with pytest.raises(InputError, match=rf"{file}: .*Delete it; it is made again"):
        read_tried(file)


def test_the_list_that_planning_writes_is_read(workspace):
    workspace.write_study(grid=ONE)
    study = open_study({"study": "little"}, plans=True)
    PlanWriter(study).start()
    assert read_tried(study.tried_file) == study.tried
