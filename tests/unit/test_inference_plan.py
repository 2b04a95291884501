"""Folds in a plan: a run for each, and members of an ensemble that are runs of their own."""

import pytest

from segsweep.io import write_json
from segsweep.planning.planner import open_study
from tests.workspace import Workspace


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    return Workspace.entered(tmp_path, monkeypatch)


def test_every_cell_is_trained_on_every_fold(workspace):
    workspace.write_study(folds=2)
    plan = open_study({"study": "little"}, plans=True).plan
    assert [(run.run.split("-", 1)[1], run.fold) for run in plan.runs] == [("s0-f0", 0), ("s0-f1", 1)] * 2
    folds = {(one.fold["index"], one.fold["within"]) for one in plan.segments.values()}
    assert folds == {(0, "train+val"), (1, "train+val")}
    assert len(plan.segments) == 4


def test_other_folds_are_other_segments(workspace):
    ids = set()
    for folds in (None, 2, 3, {"k": 2, "seed": 1}):
        workspace.write_study(folds=folds)
        found = set(open_study({"study": "little"}, plans=True).plan.segments)
        assert not ids & found
        ids |= found


def test_members_do_not_take_the_names_of_the_studys_own_folds(workspace):
    workspace.write_study(folds=2, ensemble={"folds": 2})
    study = open_study({"study": "little"}, plans=True)
    cell = study.plan.cells[0].cell
    wanted = {"role": "ensemble", "trial": None, "cell": cell, "set": {}, "seed": 0, "epochs": 2, "total_epochs": 2}
    fold = {"index": 0, "k": 2, "seed": 0, "within": "train"}
    step = workspace.folder / "step_000.json"
    write_json(step, {"requested": [wanted | {"key": f"ensemble-{cell}-f0", "fold": fold}]})
    assert study.read_step(step)[1]
    names = [run.run for run in study.plan.runs]
    assert f"{cell}-s0-m0" in names
    assert len(set(names)) == len(names) == 5
