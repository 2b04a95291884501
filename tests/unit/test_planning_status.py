"""How far a study is, read from its plan and the store."""

import json
import os
import time
from pathlib import Path

import pytest
import show_status

from segsweep.analysis.last_errors import LastErrors
from segsweep.config.study import Study
from segsweep.exits import note_killed
from segsweep.planning.announcement import announce, at_most
from segsweep.planning.status import Failure, Status, status_of
from segsweep.store.lock import SILENCE_S, Lock
from segsweep.store.segment_store import SegmentStore
from tests.segments import segment_plan, study_plan, write_segment

IDS = [f"{digit * 16}-0004" for digit in "abcd"]


def plan(on_oom="skip"):
    return study_plan(*(segment_plan(name, train={"on_oom": on_oom}) for name in IDS))


def write_best(store, name, value, status="finished"):
    best = {"max val/miou": value and {"epoch": 4, "value": value, "segment": name}}
    write_segment(store, name, status=status, best=best)


def test_done_running_failed_and_best(tmp_path):
    store, logs = tmp_path / "segments", tmp_path / "logs"
    write_best(store, IDS[0], 0.5)
    write_best(store, IDS[1], 0.75, status="diverged")
    part = store / f"{IDS[2]}.part"
    part.mkdir()
    (part / "epochs.csv").write_text("epoch,lr\n1,0.1\n2,0.1\n")
    logs.mkdir()
    log = logs / f"{IDS[3]}.20261128-080000-1.log"
    log.write_text("Traceback\nRuntimeError: CUDA error: an illegal memory access\n")
    with Lock(store / f"{IDS[2]}.lock"):
        status = status_of(plan(), SegmentStore(store), logs)
    assert (status.cells, status.cells_done, status.runs_done) == (4, 2, 2)
    assert (status.epochs, status.epochs_done) == (16, 10)
    assert status.running == ["run c"]
    assert status.failed == [Failure("run d", "RuntimeError: CUDA error: an illegal memory access", log)]
    assert status.interrupted == []
    assert status.ended == {"finished": 1, "diverged": 1}
    assert status.best[0] == (0.75, "run b")
    # 16 s for 8 epochs, 6 epochs are left.
    assert status.seconds_to_go == 12.0


def test_what_trains_again_after_it_ran_out_of_memory_is_not_done(tmp_path):
    write_best(tmp_path, IDS[0], 0.5)
    write_best(tmp_path, IDS[1], None, status="oom")
    assert status_of(plan(), SegmentStore(tmp_path), tmp_path / "logs").runs_done == 2
    assert status_of(plan("accumulate"), SegmentStore(tmp_path), tmp_path / "logs").runs_done == 1


def test_a_training_runs_while_a_living_process_holds_its_lock_and_no_longer(tmp_path):
    part, lock = tmp_path / f"{IDS[0]}.part", tmp_path / f"{IDS[0]}.lock"
    part.mkdir()
    (part / "epochs.csv").write_text("epoch,lr\n1,0.1\n")

    def seen():
        found = status_of(plan(), SegmentStore(tmp_path), tmp_path / "logs")
        return found.running, found.interrupted

    assert seen() == ([], ["run a"])
    with Lock(lock):
        assert seen() == (["run a"], [])
        left_behind = lock.read_text()
    assert seen() == ([], ["run a"])
    holder = json.loads(left_behind)
    lock.write_text(json.dumps(holder | {"started": holder["started"] - 1000}))  # a process that has ended
    assert seen() == ([], ["run a"])
    lock.write_text(json.dumps(holder | {"machine": "another"}))  # which touches it as long as it lives
    assert seen() == (["run a"], [])
    long_ago = time.time() - 2 * SILENCE_S
    os.utime(lock, (long_ago, long_ago))
    assert seen() == ([], ["run a"])


@pytest.mark.parametrize("rows", [b"", b"epoch\nx\n", b"epoch,lr\n1\n", b"\xff\xfe", b"lr\n1\n"])
def test_damaged_rows_of_an_interrupted_training_hold_the_status_up_no_more_than_a_strange_lock(tmp_path, rows):
    (tmp_path / f"{IDS[0]}.part").mkdir()
    (tmp_path / f"{IDS[0]}.part" / "epochs.csv").write_bytes(rows)
    (tmp_path / f"{IDS[0]}.lock").mkdir()
    os.utime(tmp_path / f"{IDS[0]}.lock", (0, 0))
    found = status_of(plan(), SegmentStore(tmp_path), tmp_path / "logs")
    assert (found.interrupted, found.epochs_done) == (["run a"], 0)


def test_brackets_in_names_of_levels_are_shown_as_they_are(capsys):
    label = "model.arch=[red] x [/nope]"
    failed = [Failure(label, "ValueError: [bold]", Path("a.log"))]
    status = Status(1, 0, 2, 1, 4, 2, [label], [label], failed, {"finished": 1}, [(0.5, label)], 3.0)
    show_status.show(status, plan(), show_status.console())
    said = capsys.readouterr().out
    assert said.count(label) == 4
    assert "ValueError: [bold]" in said
    assert said.startswith("little: 0 of 1 cell done")


def test_who_was_killed_left_no_word_and_its_log_has_one(tmp_path):
    log = tmp_path / f"{IDS[0]}.20261128-080000-1.log"
    log.write_text("epoch 1/4\n")
    note_killed(log, 1)
    note_killed(log, -15)  # as Ctrl-C and the batch system have it
    assert LastErrors(tmp_path).of(IDS[0]) == ""
    note_killed(log, -9)
    assert LastErrors(tmp_path).of(IDS[0]) == "Killed by SIGKILL, often the system's answer to too much memory"


def test_a_table_study_is_announced(tmp_path):
    class Study:
        class study:
            class table:
                file = "runs.csv"

        name = "foreign"

    said = []
    announce(Study(), said.append)
    assert said == ["foreign: a report on runs.csv, nothing is trained."]


def test_what_decisions_may_still_ask_for_is_announced():
    def of(**keys):
        return at_most(Study.model_validate({"name": "s", "train": {"epochs": 22}} | keys))

    sweep = {"trials": 12, "space": {"optimizer.lr": [0.1, 0.2]}}
    assert of(sweep=sweep) == "12 trials of 22 epochs"
    whole = of(sweep=sweep, confirm={"top": 2, "seeds": [1, 2, 3]}, ensemble={"folds": 5})
    assert whole == "12 trials of 22 epochs, 6 confirmations of 22 epochs, 5 ensemble members of 22 epochs"
    longer = sweep | {"space": {"epochs": {"low": 5, "high": 30, "integer": True}}}
    assert of(sweep=longer, folds=3, seeds=[0, 1]) == "72 trials of 30 epochs"
    assert of(grid={"epochs": [1]}, confirm={"seeds": [1], "epochs": 40}) == "1 confirmation of 40 epochs"
