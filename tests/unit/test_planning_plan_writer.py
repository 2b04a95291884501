"""What planning leaves behind: nothing, until jobs start."""

import json

import pytest

from segsweep.io import write_json
from segsweep.planning.markers import (
    new_start,
    pending_file,
    remove_old,
    remove_pending,
    running,
    write_pending,
)
from segsweep.planning.plan_file import read_plan
from segsweep.planning.plan_writer import PlanWriter
from segsweep.planning.planner import open_study
from segsweep.store.segment_store import STORE
from tests.segments import write_segment
from tests.workspace import Workspace


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    made = Workspace.entered(tmp_path, monkeypatch)
    made.write_study()
    return made


def planned():
    return open_study({"study": "little"}, plans=True)


def started(study):
    writer = PlanWriter(study)
    writer.start()
    return writer


def files(folder):
    """Paths of all files, with their contents and times."""
    found = [path for path in (folder / "results").rglob("*") if path.is_file()]
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in found}


def test_planning_writes_nothing(workspace):
    assert len(planned().missing()) == 2
    assert not (workspace.folder / "results").exists()
    started(planned())
    before = files(workspace.folder)
    workspace.write_study(seeds=[0, 1])
    assert len(planned().missing()) == 4
    assert files(workspace.folder) == before


def test_what_jobs_read_is_written_when_they_start(workspace):
    study = planned()
    started(study)
    assert read_plan(study.plan_file) == study.plan
    assert open_study({"study": "little"}, plans=False).segment(study.missing()[0]) == study.segment(study.missing()[0])


def test_nothing_is_written_again_without_a_change(workspace):
    started(planned())
    before = files(workspace.folder)
    started(planned())
    assert files(workspace.folder) == before


def test_a_first_look_leaves_a_plan_and_no_later_one_changes_it(workspace):
    PlanWriter(planned()).write_first()
    assert [path.name for path in files(workspace.folder)] == ["plan.json"]
    before = files(workspace.folder)
    workspace.write_study(seeds=[0, 1])
    PlanWriter(planned()).write_first()
    assert files(workspace.folder) == before


def test_a_plan_is_left_alone_while_another_snakemake_works_on_the_study(workspace):
    started(planned())
    locks = workspace.folder / ".snakemake" / "locks"
    locks.mkdir(parents=True)
    plan = read_plan(planned().plan_file)
    workspace.write_study(seeds=[0, 1])
    (locks / "0.output.lock").write_text("results/little/report.md\n")
    started(planned())
    assert read_plan(planned().plan_file) == plan
    (locks / "0.output.lock").write_text("results/another/report.md\n")
    started(planned())
    assert len(read_plan(planned().plan_file).runs) == 4


def test_runs_that_a_decision_asks_for_are_written_while_jobs_run(workspace):
    workspace.write_study(confirm={"top": 1, "seeds": [7]})
    study = planned()
    cell = study.plan.cells[0].cell
    request = {"role": "confirm", "trial": None, "cell": cell, "set": {}, "seed": 7, "epochs": 2, "total_epochs": 2}
    step = workspace.folder / "step_000.json"
    write_json(step, {"requested": [request | {"key": "confirm", "fold": None}], "done": False})
    looked_at = PlanWriter(study)
    assert study.read_step(step)[1]
    looked_at.write()  # nothing has started
    assert not study.plan_file.exists()
    writer = started(planned())
    before = read_plan(study.plan_file)
    assert writer.study.read_step(step)[1]
    writer.write()
    assert len(read_plan(study.plan_file).runs) == len(before.runs) + 1
    assert not writer.study.read_step(step)[1]


def test_why_something_trains_again_is_known_after_a_run(workspace):
    study = planned()
    writer = started(study)
    for segment in study.missing():
        write_segment(STORE, segment, best={"max val/miou": None})
    writer.finish()
    dataset = workspace.folder / "config" / "datasets" / "tiny.yaml"
    text = dataset.read_text(encoding="utf-8")
    assert "train: 4" in text
    dataset.write_text(text.replace("train: 4", "train: 5"), encoding="utf-8")
    study = planned()
    assert [study.why(segment) for segment in study.missing()] == ["the data changed"] * 2


@pytest.mark.parametrize("name", ["history.json", "packs.json", "tracked_data.json"])
@pytest.mark.parametrize("text", ["", "{", "[]", '{"runs": 3}'])
def test_what_can_be_made_again_stops_nothing_where_it_is_damaged(workspace, name, text):
    (workspace.folder / "results" / "little").mkdir(parents=True)
    (workspace.folder / "results" / "little" / name).write_text(text)
    study = open_study({"study": "little", "pack": 2}, plans=True)
    assert len(study.missing()) == 2
    started(study)
    assert json.loads(study.packs_file.read_text()) == study.packs


def test_names_of_starts_are_their_own(tmp_path):
    start = new_start()
    (tmp_path / "0.input.lock").write_text(f"results/markers/{start}/pending\nresults/data/x/manifest.json\n")
    assert running(tmp_path) == {start}
    assert running(tmp_path / "none") == set()


def test_markers_of_starts_that_ended_are_removed(tmp_path):
    ours, theirs, ended = (f"20260101-00000{i}-77" for i in range(3))
    locks = tmp_path / "locks"
    locks.mkdir()
    (locks / "0.output.lock").write_text(f"results/outcomes/{theirs}/{'a' * 16}-0001\n")
    for folder in ("markers", "outcomes"):
        for start in (ours, theirs, ended):
            (tmp_path / folder / start).mkdir(parents=True)
            (tmp_path / folder / start / "x").touch()
        (tmp_path / folder / f"{'a' * 16}-0001").touch()  # as an earlier edition left them
    remove_old(ours, [tmp_path / "markers", tmp_path / "outcomes", tmp_path / "none"], locks)
    assert {path.name for path in tmp_path.glob("*/2*")} == {ours, theirs}
    assert not list(tmp_path.glob("*/a*"))


def test_a_pending_file_leaves_no_trace(workspace):
    start = new_start()
    write_pending(start)
    assert pending_file(start).is_file()
    remove_pending(start)
    assert list((workspace.folder / "results" / "markers").iterdir()) == []
    write_pending(start)
    (pending_file(start).parent / f"{'a' * 16}-0001").touch()
    remove_pending(start)
    assert [path.name for path in pending_file(start).parent.iterdir()] == [f"{'a' * 16}-0001"]
