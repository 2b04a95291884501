"""The job around a segment: what it writes, what it leaves alone, whom it waits for."""

import errno
import json
import os
import signal
import sys
from dataclasses import replace
from functools import partial
from threading import Event

import pytest
import train_segment

from segsweep.analysis.last_errors import LastErrors
from segsweep.errors import InputError
from segsweep.execution.segment_job import progress_line, run_job
from segsweep.store import lock
from segsweep.store.lock import Lock, Stopped
from tests.fakes import FakeTask, FakeTrainer, GreedyTask, segment_plan


@pytest.fixture
def study(tmp_path):
    """A plan of three segments in a chain; returns (plan, store, ids)."""
    segments, parent = {}, None
    for last in (1, 2, 4):
        one = segment_plan({"early_stopping": {"patience": 1, "min_delta": 0.9}}, last=last, total=4, parent=parent)
        segments[one.id] = one.to_json()
        parent = one.id
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"segments": segments}))
    return plan, tmp_path / "segments", list(segments)


def run(study, index, task=None, **more):
    plan, store, ids = study
    said = []
    status = run_job(plan, ids[index], store, device="cpu", say=said.append, trainer=FakeTrainer(task), **more)
    return status, "\n".join(said)


def record(study, index):
    return json.loads((study[1] / study[2][index] / "segment.json").read_text())


def test_a_segment_is_written_down_and_trained_once(study):
    assert run(study, 0)[0] == 0
    folder = study[1] / study[2][0]
    assert {path.name for path in folder.iterdir()} == {
        "SHA256SUMS",
        "counts.npz",
        "epochs.csv",
        "images-0001.npz",
        "last.pt",
        "segment.json",
        "weights-0001.pt",
    }
    found = record(study, 0)
    (best,) = found["best"].values()
    assert (found["status"], found["epochs"], best["segment"], found["trainer"]) == (
        "finished", 1, study[2][0], "builtin"
    )  # fmt: skip
    assert found["parameters"] == 3 * 8 * 9 + 8 + 16 + 8 * 3 + 3
    assert found["versions"]["torch"]
    assert found["host"]["device"] == "cpu"
    assert len(found["history"]) == 1
    assert (folder / "epochs.csv").read_text().startswith("epoch,lr,train/loss,val/loss,seconds,images_per_second")
    before = (folder / "segment.json").stat().st_mtime_ns
    status, said = run(study, 0)
    assert status == 0
    assert "nothing to do" in said
    assert (folder / "segment.json").stat().st_mtime_ns == before
    assert sorted(path.name for path in study[1].glob("[!.]*")) == [study[2][0]]


def test_what_nothing_can_resume_from_keeps_no_state(study):
    plan = json.loads(study[0].read_text())
    plan["segments"][study[2][0]]["can_be_extended"] = False
    study[0].write_text(json.dumps(plan))
    assert run(study, 0)[0] == 0
    assert not (study[1] / study[2][0] / "last.pt").exists()
    assert (study[1] / study[2][0] / "weights-0001.pt").exists()
    assert run(study, 0)[0] == 0


def test_what_lost_its_state_is_trained_again_where_it_is_to_be_kept(study):
    assert run(study, 0)[0] == 0
    folder = study[1] / study[2][0]
    weights = (folder / "weights-0001.pt").read_bytes()
    (folder / "last.pt").unlink()
    (folder / "weights-0001.pt").unlink()
    status, said = run(study, 0)
    assert (status, "nothing to do" in said) == (0, False)
    assert (folder / "last.pt").exists()
    assert (folder / "weights-0001.pt").read_bytes() == weights


def test_a_child_needs_its_parent_and_copies_its_end(study):
    with pytest.raises(InputError, match="continues it, but it is not complete"):
        run(study, 1)
    for index in range(3):
        assert run(study, index)[0] == 0
    assert [record(study, i)["status"] for i in range(3)] == ["finished", "early_stopped", "early_stopped"]
    last = record(study, 2)
    assert (last["epochs"], last["train_seconds"], last["best"]) == (2, 0.0, record(study, 1)["best"])
    assert not (study[1] / study[2][2] / "last.pt").exists()


def test_what_ended_out_of_memory_is_replaced_once_it_is_to_continue(study):
    assert run(study, 0, GreedyTask())[0] == run(study, 1, GreedyTask())[0] == 0
    assert [record(study, i)["status"] for i in range(2)] == ["oom", "oom"]
    assert "nothing to do" in run(study, 0)[1]
    plan = json.loads(study[0].read_text())
    for one in plan["segments"].values():
        one["train"]["on_oom"] = "accumulate"
    study = (study[0].with_name("again.json"), *study[1:])  # a process reads a plan once
    study[0].write_text(json.dumps(plan))
    assert run(study, 0, GreedyTask())[0] == run(study, 1, GreedyTask())[0] == 0
    found = [record(study, i) for i in range(2)]
    assert [(one["status"], one["micro_batch"]) for one in found] == [("finished", 2), ("early_stopped", 2)]
    assert "nothing to do" in run(study, 0)[1]
    assert not list(study[1].glob("*.part"))


def test_an_interrupted_job_resumes(study):
    assert run(study, 0)[0] == 0
    stops = iter([False] * 4 + [True] * 9)
    assert run(study, 1, should_stop=lambda: next(stops))[0] == 75
    assert not (study[1] / study[2][1]).exists()
    assert run(study, 1)[0] == 0
    history = record(study, 1)["history"]
    assert len(history) == 2
    assert "stopped in epoch 2" in history[0]["notes"][0]


def test_a_state_that_a_power_cut_spoiled_begins_again(study):
    part = study[1] / f"{study[2][0]}.part"
    part.mkdir(parents=True)
    (part / "last.pt").write_bytes(b"PK half")
    (part / ".last.pt.123.tmp").write_bytes(b"PK")
    assert "begins again" in run(study, 0)[1]
    assert "cannot be read" in record(study, 0)["history"][0]["notes"][0]
    assert not list((study[1] / study[2][0]).glob(".*"))


def test_half_a_folder_in_the_store_is_replaced(study):
    folder = study[1] / study[2][0]
    folder.mkdir(parents=True)
    (folder / "epochs.csv").write_text("half")
    assert run(study, 0)[0] == 0
    assert record(study, 0)["status"] == "finished"


def test_the_program_touches_its_marker_and_distinguishes_errors(study, tmp_path, capsys):
    plan, store, ids = study
    marker, log = tmp_path / "markers" / "one", tmp_path / "logs" / "one.log"
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)}

    def main(*more, task=None):
        return train_segment.main([*words, *more], job=partial(run_job, trainer=FakeTrainer(task)))

    words = ["--plan", str(plan), "--store", str(store), "--device", "cpu", "--marker", str(marker)]
    try:
        streams = sys.stdout, sys.stderr
        assert main("--segment", ids[1], "--log", str(tmp_path / "logs" / f"{ids[1]}.20261128-1.log")) == 2
        sys.stdout, sys.stderr = streams
        assert "train it first" in capsys.readouterr().err
        assert LastErrors(tmp_path / "logs").of(ids[1]).endswith("it is not complete; train it first")
        assert not marker.exists()

        class Broken(FakeTask):
            def model(self):
                raise ZeroDivisionError("a bug")

        assert main("--segment", ids[0], "--log", str(log), task=Broken()) == 1
        sys.stdout, sys.stderr = streams
        shown = capsys.readouterr().err
        assert "ZeroDivisionError: a bug" in shown
        assert f"less {log}" in shown
        assert "Traceback" in log.read_text()

        assert main("--segment", ids[0], "--log", "/dev/full") == 1  # as on a full disk
        sys.stdout, sys.stderr = streams
        shown = capsys.readouterr().err
        assert "No space left on device. Make room" in shown
        assert "Traceback" not in shown

        assert main("--segment", ids[0]) == 0
        assert marker.exists()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def dead_process() -> int:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return pid


def holder(**other) -> str:
    mine = {
        "token": "x",
        "host": "node1",
        "machine": lock._machine(),
        "pid": os.getpid(),
        "started": lock._started(os.getpid()),
    }
    return json.dumps(mine | other)


def test_a_lock_of_a_process_that_ended_is_taken_over(tmp_path):
    path, said = tmp_path / "a.lock", []
    path.write_text(holder(pid=dead_process()))
    with Lock(path, say=said.append):
        assert json.loads(path.read_text())["pid"] == os.getpid()
    assert "that process has ended. Taking over" in said[0]
    assert not path.exists()


def test_a_lock_that_could_not_be_signed_is_not_left(tmp_path, monkeypatch):
    path, signed = tmp_path / "a.lock", json.dump

    def fail(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(json, "dump", fail)
    with pytest.raises(OSError, match=r"a\.lock"), Lock(path):
        pass
    assert not path.exists()
    monkeypatch.setattr(json, "dump", signed)
    with Lock(path):  # which would wait for 90 s
        pass


def test_a_lock_is_kept_alive_when_it_could_not_be_read_for_a_moment(tmp_path, monkeypatch):
    path, asked = tmp_path / "a.lock", Event()

    def fail(path):
        if asked.is_set():
            beaten.set()
        asked.set()
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    beaten = Event()
    monkeypatch.setattr(lock, "BEAT_S", 0.001)
    with monkeypatch.context() as patched, Lock(path):
        patched.setattr(lock, "_read", fail)
        assert beaten.wait(10)
        patched.undo()
    assert not path.exists()


def test_a_lock_of_another_machine_is_taken_over_when_it_is_silent(tmp_path):
    path, said = tmp_path / "a.lock", []
    path.write_text(holder(machine="elsewhere"))
    long_ago = path.stat().st_mtime - 1000
    with Lock(path, say=said.append, sleep=lambda seconds: os.utime(path, (long_ago, long_ago))):
        pass
    assert "being trained by process" in said[0]
    assert "no sign of life" in said[1]


@pytest.mark.parametrize("make", [os.mkdir, lambda path: os.symlink("/nowhere/at/all", path)])
def test_a_lock_that_is_no_file_is_not_waited_for(tmp_path, make):
    make(tmp_path / "x.lock")
    with pytest.raises(InputError, match=r"x\.lock: is no file, .* Remove it"), Lock(tmp_path / "x.lock"):
        pass


def test_a_lock_that_is_held_is_waited_for(tmp_path):
    path, said = tmp_path / "a.lock", []
    with Lock(path), pytest.raises(Stopped), Lock(path, say=said.append, should_stop=lambda: True):
        pass
    path.write_text(holder())
    with Lock(path, say=said.append, sleep=lambda seconds: path.unlink()):
        pass
    assert len(said) == 2


def test_the_log_of_a_run_that_trains_on_validation_images_names_no_score_of_them():
    job = replace(segment_plan({}, last=2, total=4), metric="epoch", minimize=False)
    row = {"epoch": 1, "train/loss": 0.5, "val/loss": 0.25, "val/miou": 0.75, "seconds": 2.0}
    assert progress_line(job, row, {"value": 1.0, "epoch": 1}) == "epoch 1/4  train/loss 0.5000  2.0 s"
