"""What trackers of experiments are told: every epoch once, whatever ends a process; and no training is told errors."""

import json
import os
import shutil
import sqlite3
import time
from types import SimpleNamespace

import pytest
import track_study
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from wandb.proto import wandb_internal_pb2
from wandb.sdk.internal.datastore import DataStore

from segsweep import registry
from segsweep.config.load import Request
from segsweep.io import write_text
from segsweep.planning.plan_file import RETRAIN, read_plan
from segsweep.store.epoch_reports import add_report, read_reports
from segsweep.store.segment_store import SegmentStore
from segsweep.tracking import following, tracked_run
from segsweep.tracking.following import Follower
from segsweep.tracking.passing_on import PASSED_ON, PassingOn
from tests.program_study import EPOCHS, program_study, usual_rows

PATIENCE_S = 60
RUNS = 8  # two by two cells with two seeds


class Recorder:
    """A tracker that keeps what it is told: for each run that it began, the lines that it was given."""

    def __init__(self):
        self.begun: list[SimpleNamespace] = []

    def begin(self, folder, run):
        log = SimpleNamespace(run=run, lines=[], values={}, outcome=None)

        def add(epochs):
            told = {(one.epoch, name): value for one in epochs for name, value in one.values.items()}
            log.lines += told
            log.values |= told

        log.add = add
        log.end = lambda outcome: setattr(log, "outcome", outcome)
        self.begun.append(log)
        return log


@pytest.fixture
def study(tmp_path):
    """The folder of a study of a program, with its store in `segments`."""
    program_study(tmp_path, statuses={(0, 0): "diverged"})
    return tmp_path


def pass_on(study, recorder, *, last=True, passing=None):
    """One pass; by a new process unless `passing` is given."""
    passing = passing or PassingOn(recorder, study / "trackers" / "recorder", {})
    passed = passing.update(read_plan(study / "plan.json"), SegmentStore(study / "segments"), last=last)
    return passing, passed


def test_each_epoch_of_each_run_is_passed_on_once(study):
    recorder = Recorder()
    _, passed = pass_on(study, recorder)
    assert len(passed) == len(recorder.begun) == RUNS
    for log in recorder.begun:
        assert len(log.lines) == len(set(log.lines)) == 4 * EPOCHS
        (expected,) = (row for row in usual_rows(log.run.varied, log.run.repeat["seed"]) if row["epoch"] == 2)
        assert log.values[2, "val/miou"] == pytest.approx(expected["val_iou"] / 100)
        assert log.values[2, "train/loss"] == pytest.approx(expected["loss"])
        assert log.outcome.summary["best_epoch"] == EPOCHS
    assert [log.outcome.status for log in recorder.begun] == ["diverged"] + ["finished"] * (RUNS - 1)
    assert recorder.begun[0].outcome.has_failed
    assert pass_on(study, recorder)[1] == set()
    assert len(recorder.begun) == RUNS


@pytest.mark.parametrize("content", ["3", "[]", '["a"]', '"x"', "[" * 100_000, '{"a": ', '{"a": [1]}'])
def test_all_is_passed_on_again_where_what_was_noted_is_damaged(study, content):
    write_text(study / "trackers" / "recorder" / PASSED_ON, content)
    assert len(pass_on(study, Recorder())[1]) == RUNS


def test_a_run_with_other_epochs_than_noted_is_written_again_and_no_other(study):
    recorder = Recorder()
    pass_on(study, recorder)
    path = next((study / "segments").glob("*/epochs.csv"))
    path.write_text("\n".join(path.read_text(encoding="utf-8").splitlines()[:-1]) + "\n", encoding="utf-8")
    _, passed = pass_on(study, recorder)
    assert len(passed) == 1
    assert {epoch for epoch, _ in recorder.begun[-1].lines} == {1, 2}


def unfinished(study):
    """Make the last run an unfinished one; its folder."""
    segment = read_plan(study / "plan.json").runs[-1].segments[0]
    part = study / "segments" / f"{segment}.part"
    (study / "segments" / segment).rename(part)
    (part / "segment.json").rename(part / "hidden.json")
    return part


def complete(part):
    """Complete it."""
    (part / "hidden.json").rename(part / "segment.json")
    part.rename(part.with_suffix(""))


def test_epochs_are_passed_on_while_a_segment_trains_and_the_rest_when_it_is_complete(study):
    recorder, part = Recorder(), unfinished(study)
    passing, passed = pass_on(study, recorder, last=False)
    assert len(passed) == RUNS - 1
    rows = usual_rows({"optimizer.lr": 1e-2, "batch_size": 8}, 1)
    for row in rows[:2]:
        add_report(part, {"epoch": row["epoch"], "val/miou": row["val_iou"] / 100, "note": "no number"})
        assert pass_on(study, recorder, last=False, passing=passing)[1] == {passing_run(study)}
    log = recorder.begun[-1]
    assert log.lines == [(1, "val/miou"), (2, "val/miou")]
    assert log.outcome is None
    complete(part)
    pass_on(study, recorder, passing=passing)
    assert recorder.begun[-1] is log
    assert len(log.lines) == len(set(log.lines)) == 4 * EPOCHS
    assert log.outcome.status == "finished"


def passing_run(study):
    return read_plan(study / "plan.json").runs[-1].run


def test_a_process_that_is_killed_leaves_nothing_twice(study):
    recorder, part = Recorder(), unfinished(study)
    add_report(part, {"epoch": 1, "val/miou": 0.25})
    pass_on(study, recorder, last=False)  # and no other pass of this process
    _, passed = pass_on(study, recorder)
    assert passed == {passing_run(study)}
    assert [log.run.run for log in recorder.begun].count(passing_run(study)) == 2  # begun again, as it had not ended
    assert recorder.begun[-1].lines == [(1, "val/miou")]
    assert recorder.begun[-1].outcome.status == "interrupted"


def test_a_segment_that_began_again_with_other_values_is_begun_again(study):
    recorder, part = Recorder(), unfinished(study)
    add_report(part, {"epoch": 1, "val/miou": 0.25})
    add_report(part, {"epoch": 2, "val/miou": 0.5})
    passing, _ = pass_on(study, recorder, last=False)
    add_report(part, {"epoch": 1, "val/miou": 0.375})
    assert read_reports(part) == [{"epoch": 1, "val/miou": 0.375}]
    os.utime(part / "reports.jsonl", (time.time() + 1, time.time() + 1))  # a clock of a second's steps
    pass_on(study, recorder, last=False, passing=passing)
    assert recorder.begun[-1].values == {(1, "val/miou"): 0.375}


def test_a_run_that_trains_on_validation_images_shows_no_score_of_them_while_it_trains(study):
    recorder, part = Recorder(), unfinished(study)
    plan = json.loads((study / "plan.json").read_text(encoding="utf-8"))
    plan["runs"][-1]["role"] = RETRAIN
    (study / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    add_report(part, {"epoch": 1, "train/loss": 0.5, "val/loss": 0.25, "val/miou": 0.25})
    pass_on(study, recorder, last=False)
    assert recorder.begun[-1].values == {(1, "train/loss"): 0.5}


def test_a_segment_that_is_completed_while_it_is_read_ended_now(study, monkeypatch):
    part = unfinished(study)
    add_report(part, {"epoch": 1, "val/miou": 0.25, "seconds": 2.0})

    def read(folder):
        found = read_reports(folder)
        complete(part)
        return found

    monkeypatch.setattr(tracked_run, "read_reports", read)
    plan = read_plan(study / "plan.json")
    (epoch,), _ = tracked_run.epochs_and_outcome(plan, plan.runs[-1], SegmentStore(study / "segments"))
    assert epoch.ended == pytest.approx(time.time(), abs=PATIENCE_S)


def test_half_a_line_of_reports_is_passed_over(tmp_path):
    assert read_reports(tmp_path) == []
    add_report(tmp_path, {"epoch": 1, "val/miou": 0.5})
    with (tmp_path / "reports.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"epoch": 2, "val/')
    assert read_reports(tmp_path) == [{"epoch": 1, "val/miou": 0.5}]


class Broken(Recorder):
    """A tracker that is down for a while."""

    def __init__(self, times):
        super().__init__()
        self.times = times

    def begin(self, folder, run):
        if self.times:
            self.times -= 1
            raise ConnectionError("no route\nto host")
        return super().begin(folder, run)


def follower(study, monkeypatch, module, said):
    monkeypatch.setattr(registry, "load", lambda cls: module)
    return Follower("mlflow", study, study / "segments", say=said.append, environ={})


def test_a_tracker_that_is_down_is_said_once_and_tried_again(study, monkeypatch):
    monkeypatch.setattr(following, "RETRY_S", 0.0)
    said, recorder, waits = [], Broken(times=2), iter([False, False, False, True])
    assert follower(study, monkeypatch, recorder, said).follow(lambda seconds: next(waits))
    assert said[0] == "mlflow: ConnectionError: no route to host"
    assert [line for line in said if "ConnectionError" in line] == said[:1]
    assert len(recorder.begun) == RUNS
    assert all(len(log.lines) == 4 * EPOCHS for log in recorder.begun)


def test_the_next_look_is_soon_however_long_one_took(study, monkeypatch):
    clock, waits = iter(range(0, 10**6, 1000)), []
    monkeypatch.setattr(following, "time", SimpleNamespace(monotonic=lambda: next(clock)))

    def is_over(seconds):
        waits.append(seconds)
        return len(waits) == 3

    assert follower(study, monkeypatch, Recorder(), []).follow(is_over)
    assert waits == [0.0, following.PAUSE_MOST_S, following.PAUSE_MOST_S]


def test_a_tracker_that_stays_down_is_no_error(study, monkeypatch):
    said = []
    assert not follower(study, monkeypatch, Broken(times=99), said).follow(lambda seconds: True)
    assert said == ["mlflow: ConnectionError: no route to host"]


def test_a_library_that_is_missing_is_said(study, monkeypatch):
    def lacks(cls):
        raise ImportError("No module named 'mlflow'")

    said = []
    one = follower(study, monkeypatch, None, said)
    monkeypatch.setattr(registry, "load", lacks)
    assert not one.follow(lambda seconds: False)
    assert len(said) == 1
    assert "No module named 'mlflow'" in said[0]


def test_a_folder_that_cannot_be_written_is_said(study, monkeypatch):
    (study / "trackers").write_text("a file", encoding="utf-8")
    said = []
    assert not follower(study, monkeypatch, Recorder(), said).follow(lambda seconds: True)
    assert len(said) == 1


def test_names_of_trackers_on_the_command_line():
    assert Request(exporters="tensorboard,mlflow").exporters == ["tensorboard", "mlflow"]
    assert Request(exporters="[wandb, mlflow]").exporters == ["wandb", "mlflow"]
    assert Request(exporters=["wandb"]).exporters == ["wandb"]
    with pytest.raises(ValueError, match="comet"):
        Request(exporters="comet")


@pytest.fixture
def configured(study, monkeypatch):
    """A study in a working folder with a configuration; what passes it on to trackers."""
    monkeypatch.chdir(study)
    (study / "config").mkdir()
    (study / "config" / "config.yaml").write_text("study: own\n", encoding="utf-8")
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "WANDB_MODE", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    environ = dict(os.environ)
    yield lambda names: track_study.main(["--results", ".", "--store", "segments", "--exporters", names])
    os.environ.clear()
    os.environ.update(environ)


def test_no_tracker_named(configured, capsys):
    assert configured("") == 2
    assert "EXPORTERS=NAME" in capsys.readouterr().err


def test_tensorboard_reads_what_was_passed_on(configured, study):
    assert configured("tensorboard") == 0
    assert configured("tensorboard") == 0
    folders = [path for path in (study / "trackers/tensorboard").iterdir() if path.is_dir()]
    assert len(folders) == RUNS
    (folder,) = (path for path in folders if path.name.startswith("lr=0.01 batch_size=8 seed=1 "))
    assert len(list(folder.iterdir())) == 1
    events = EventAccumulator(str(folder))
    events.Reload()
    rows = usual_rows({"optimizer.lr": 1e-2, "batch_size": 8}, 1)
    told = [(event.step, event.value) for event in events.Scalars("val/miou")]
    assert told == [(row["epoch"], pytest.approx(row["val_iou"] / 100, rel=1e-6)) for row in rows]
    assert {"_hparams_/session_start_info", "_hparams_/session_end_info"} <= set(events.Tags()["tensors"])


def test_mlflow_holds_what_was_passed_on_and_not_what_it_replaced(configured, study):
    assert configured("mlflow") == 0
    path = next((study / "segments").glob("*/epochs.csv"))
    path.write_text("\n".join(path.read_text(encoding="utf-8").splitlines()[:-1]) + "\n", encoding="utf-8")
    assert configured("mlflow") == 0
    with sqlite3.connect(study / "trackers/mlflow/mlflow.db") as database:
        runs = database.execute("select run_uuid, status from runs where lifecycle_stage = 'active'").fetchall()
        metrics = "select step from metrics where key = 'val/miou' and run_uuid = ? order by step"
        steps = sorted([step for (step,) in database.execute(metrics, (run,))] for run, _ in runs)
        parameters = dict(database.execute("select key, value from params where run_uuid = ?", (runs[0][0],)))
    assert steps == [[1, 2], *[[1, 2, 3]] * (RUNS - 1)]
    assert sorted(status for _, status in runs) == ["FAILED", *["FINISHED"] * (RUNS - 1)]
    assert {"optimizer.lr", "batch_size", "width", "seed"} <= set(parameters)


def test_wandb_leaves_offline_runs(configured, study):
    for segment in sorted((study / "segments").glob("*-????"))[1:]:
        shutil.rmtree(segment)  # each run takes it a second
    assert configured("wandb") == 0
    (path,) = (study / "trackers/wandb").glob("offline-run-*/*.wandb")
    history = [
        {".".join(item.nested_key) or item.key: json.loads(item.value_json) for item in record.history.item}
        for record in records(path)
        if record.WhichOneof("record_type") == "history"
    ]
    assert [(row["epoch"], "val/miou" in row, "train/loss" in row) for row in history] == [
        (epoch, True, True) for epoch in range(1, EPOCHS + 1)
    ]


def records(path):
    """What the file of a run of wandb holds, which a process of its own writes."""
    until, found = time.monotonic() + PATIENCE_S, []
    while time.monotonic() < until and not (found and found[-1].WhichOneof("record_type") == "exit"):
        store = DataStore()
        store.open_for_scan(str(path))
        found = []
        while (data := store.scan_data()) is not None:
            found.append(wandb_internal_pb2.Record.FromString(data))
        time.sleep(0.1)
    return found


def test_another_destination_is_another_tracker(study):
    recorder = Recorder()
    pass_on(study, recorder)
    elsewhere = PassingOn(recorder, study / "trackers" / "recorder", {"MLFLOW_TRACKING_URI": "http://server"})
    _, passed = pass_on(study, recorder, passing=elsewhere)
    assert len(passed) == RUNS
