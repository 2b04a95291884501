"""What planning leaves behind: nothing, until jobs start."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from segsweep.io import write_json, write_text
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
from segsweep.store.leftovers import DAY_S
from segsweep.store.lock import Lock
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
    """Paths of all files, with their contents and times, but of what only shows that a start runs."""
    found = [path for path in (folder / "results").rglob("*") if path.is_file() and path.suffix != ".running"]
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in found}


def test_a_start_removes_what_writers_left_that_were_killed_long_ago(workspace, monkeypatch):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    names = (
        f"little/.runs.csv.{gone.pid}.tmp", f"little/figures/.a.png.{gone.pid}.tmp", f"data/.a.json.{gone.pid}.tmp",
        f"little/.pairs.csv.{os.getpid()}.tmp", "little/.of.somebody.tmp", f"other/.runs.csv.{gone.pid}.tmp",
    )  # fmt: skip
    left = [workspace.folder / "results" / name for name in names]
    for path in left:
        write_text(path, "half")
    started(planned())
    assert all(path.exists() for path in left)
    later = time.time() + 2 * DAY_S
    monkeypatch.setattr("segsweep.store.leftovers.time", SimpleNamespace(time=lambda: later))
    study = planned()
    assert all(path.exists() for path in left)
    started(study)
    assert [path.exists() for path in left] == [False, False, False, True, True, True]


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


def test_what_trains_now_was_not_interrupted(workspace):
    one, _ = planned().missing()
    (STORE / f"{one}.part").mkdir(parents=True)
    assert planned().why(one) == "was interrupted, resumes"
    with Lock(STORE / f"{one}.lock"):
        assert planned().why(one) == "is being trained now"


@pytest.mark.parametrize("name", ["history.json", "packs.json", "tracked_data.json"])
@pytest.mark.parametrize("text", ["", "{", "[]", '{"runs": 3}'])
def test_what_can_be_made_again_stops_nothing_where_it_is_damaged(workspace, name, text):
    (workspace.folder / "results" / "little").mkdir(parents=True)
    (workspace.folder / "results" / "little" / name).write_text(text)
    study = open_study({"study": "little", "pack": 2}, plans=True)
    assert len(study.missing()) == 2
    started(study)
    assert json.loads(study.packs_file.read_text()) == study.packs


def held(start, folder):
    """What shows that a start runs, in a process of its own."""
    code = (
        f"import sys, time; sys.path[:] = {sys.path!r}\nfrom pathlib import Path\n"
        f"from segsweep.planning.markers import hold\n"
        f"file = hold({start!r}, Path('results/other'), Path({str(folder)!r}))\n"
        "print('held', flush=True)\ntime.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    return process


def test_a_start_runs_until_its_process_ends_however_it_ends(tmp_path):
    folder = tmp_path / "markers"
    assert running(folder) == {}
    with held(new_start(), folder) as process:
        assert list(running(folder).values()) == [Path("results/other")]
        process.kill()
        process.wait()
        assert running(folder) == {}


def test_markers_of_starts_that_ended_are_removed_and_no_others(tmp_path):
    """Snakemake's own locks do not tell: the first one that ends removes those of all."""
    ours, theirs, ended = (f"20260101-00000{i}-77" for i in range(3))
    with held(theirs, tmp_path / "markers") as process:
        for folder in ("markers", "outcomes"):
            for start in (ours, theirs, ended):
                (tmp_path / folder / start).mkdir(parents=True)
                (tmp_path / folder / start / "x").touch()
            (tmp_path / folder / f"{'a' * 16}-0001").touch()  # as an earlier edition left them
        (tmp_path / "markers" / f"{ended}.running").touch()
        remove_old(ours, [tmp_path / "markers", tmp_path / "outcomes", tmp_path / "none"])
        process.kill()
    assert {path.name for path in tmp_path.glob("*/2*")} == {ours, theirs, f"{theirs}.running"}
    assert not list(tmp_path.glob("*/a*"))


def test_the_plan_of_a_study_is_left_alone_while_another_start_writes_it(workspace):
    writer = started(planned())
    workspace.write_study(seeds=[0, 1])
    study = planned()
    started(study)
    assert len(read_plan(study.plan_file).runs) == 2
    writer.finish()
    started(planned())
    assert len(read_plan(study.plan_file).runs) == 4


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
