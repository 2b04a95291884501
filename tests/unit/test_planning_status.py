"""How far a study is, read from its plan and the store."""

import os

from segsweep.config.study import Study
from segsweep.planning.announcement import announce, at_most
from segsweep.planning.status import RECENT, status_of
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
    (logs / f"{IDS[3]}.20261128-080000-1.log").write_text("Traceback")
    status = status_of(plan(), SegmentStore(store), logs)
    assert (status.cells, status.cells_done, status.runs_done) == (4, 2, 2)
    assert (status.epochs, status.epochs_done) == (16, 10)
    assert (status.running, status.failed) == (["run c"], ["run d"])
    assert status.ended == {"finished": 1, "diverged": 1}
    assert status.best[0] == (0.75, "run b")
    # 16 s for 8 epochs, 6 epochs are left.
    assert status.seconds_to_go == 12.0


def test_what_trains_again_after_it_ran_out_of_memory_is_not_done(tmp_path):
    write_best(tmp_path, IDS[0], 0.5)
    write_best(tmp_path, IDS[1], None, status="oom")
    assert status_of(plan(), SegmentStore(tmp_path), tmp_path / "logs").runs_done == 2
    assert status_of(plan("accumulate"), SegmentStore(tmp_path), tmp_path / "logs").runs_done == 1


def test_a_training_without_a_sign_of_life_counts_as_interrupted(tmp_path):
    part = tmp_path / f"{IDS[0]}.part"
    part.mkdir()
    (part / "epochs.csv").write_text("epoch,lr\n1,0.1\n")
    now = os.stat(part / "epochs.csv").st_mtime + RECENT + 1
    status = status_of(plan(), SegmentStore(tmp_path), tmp_path / "logs", now=now)
    assert (status.running, status.failed) == ([], ["run a"])


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
