"""A narrowed sweep and the study that it is narrowed from: what must be there, and what happens when that changes."""

import json
import shutil
from contextlib import chdir

import pytest

from segsweep.errors import InputError
from segsweep.io import write_text
from segsweep.planning.plan_file import StudyPlan
from segsweep.planning.plan_writer import PlanWriter
from segsweep.planning.planner import open_study
from segsweep.search.decisions import decide
from segsweep.search.narrow import earlier_trials
from segsweep.search.step_files import write_step
from tests.workspace import SMALL, Workspace

SPACE = {"optimizer.lr": {"low": 1e-5, "high": 0.1, "log": True}}
SWEEP = {"sampler": "random", "trials": 2, "at_once": 2, "space": SPACE, "narrow": {"from": "wide", "top": 0.5}}


@pytest.fixture
def workspace(tmp_path):
    """A workspace in which the test works: a study is planned in the working directory."""
    made = Workspace(tmp_path)
    made.write_tiny_dataset()
    made.write_study(grid=None, train=SMALL, sweep=SWEEP)
    with chdir(tmp_path):
        yield made


def search_wide(workspace, *rates, phase="done", metric="val/miou"):
    """The earlier study, as it is when trials with these learning rates, best first, are there."""
    folder = workspace.folder / "results" / "wide"
    trials = [
        {"trial": i, "values": {"optimizer.lr": rate}, "score": 0.9 - 0.1 * i, "status": "finished"}
        for i, rate in enumerate(rates)
    ]
    write_step(
        folder / "sweep" / "step_000.json", {"step": 0, "phase": phase, "done": phase == "done", "trials": trials}
    )
    plan = StudyPlan(study={"metric": metric, "minimize": False}, name="wide", axes=[], cells=[], runs=[])
    write_text(folder / "plan.json", plan.text())


def decided(workspace):
    """Plan the narrowed study and take its first decision, as `decide_step` does; the file of that."""
    study = open_study({"study": "little"}, plans=True)
    step = study.folder / "sweep" / "step_000.json"
    write_step(step, decide(study.study, None, {}, earlier=earlier_trials(study.earlier)))
    return step


def test_without_the_earlier_study_nothing_is_planned(workspace):
    with pytest.raises(InputError, match=r"little.yaml:\d+: results/wide/sweep: there are no trials.* Run that study"):
        open_study({"study": "little"}, plans=True)


def test_while_the_earlier_study_searches_nothing_is_planned(workspace):
    search_wide(workspace, 1e-3, 1e-4, phase="search")
    with pytest.raises(InputError, match=r"its search is still running \(step 0\)"):
        open_study({"study": "little"}, plans=True)


def test_both_must_rank_alike(workspace):
    search_wide(workspace, 1e-3, 1e-4, metric="val/dice")
    with pytest.raises(InputError, match=r"wide: its trials were ranked by the highest val/dice, those of this study"):
        open_study({"study": "little"}, plans=True)


def test_decisions_hold_while_the_earlier_trials_are_the_same(workspace):
    search_wide(workspace, 1e-3, 1e-4, 1e-5, 1e-2)
    step = decided(workspace)
    assert json.loads(step.read_text())["lineage"]["changes"][0]["after"] == [1e-4, 1e-3]
    study = open_study({"study": "little"}, plans=True)
    assert step.is_file()
    assert len(study.cut.runs) == 2
    shutil.rmtree(workspace.folder / "results" / "wide")
    assert len(open_study({"study": "little"}, plans=True).cut.runs) == 2
    assert step.is_file()


def test_other_trials_of_the_earlier_study_start_the_search_again(workspace):
    search_wide(workspace, 1e-3, 1e-4, 1e-5, 1e-2)
    step = decided(workspace)
    search_wide(workspace, 1e-2, 1e-3, 1e-4, 1e-5)
    study = open_study({"study": "little"}, plans=True)
    assert study.cut.runs == []
    assert study.outdated_steps == [step]
    assert step.is_file()  # planning changes nothing
    PlanWriter(study).start()
    assert not step.exists()
