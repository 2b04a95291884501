"""A study that names the soft Jaccard index after it was trained: what it says, measures, and trains again."""

import csv
import re
import shutil
from pathlib import Path

import collect_results
import prepare_data
import pytest

from segsweep.execution.segment_job import run_job
from segsweep.inference.evaluate_run import evaluate_run
from segsweep.planning.announcement import announce
from segsweep.planning.plan_file import read_plan
from segsweep.planning.plan_writer import PlanWriter
from segsweep.planning.planner import open_study
from segsweep.store.segment_store import SegmentStore
from tests.workspace import SMALL, Workspace

SOFT = "val/soft_jaccard"
PLAN, STORE = Path("results/little/plan.json"), Path("results/segments")


class Little:
    """A study of one run on drawn images with a binary output."""

    def __init__(self, workspace):
        self.workspace, self.starts = workspace, 0
        self.train = SMALL | {"loss": {"main": {"dice": {"smooth": 1.0}}}}

    def start(self, **keys):
        """Plan and train it, as Snakemake would: what it says, and the row of runs.csv."""
        self.starts += 1
        keys = {"metric": "val/jaccard", "train": self.train, "grid": {"optimizer.lr": [0.01]}} | keys
        self.workspace.write_study(**keys)
        study, said = open_study({"study": "little"}, plans=True), []
        PlanWriter(study).start()
        announce(study, said.append)
        (data,) = study.plan.data
        assert prepare_data.main(["--plan", str(PLAN), "--output", data]) == 0
        now = Path(shutil.copy(PLAN, f"plan_{self.starts}.json"))  # a job remembers the plan that it has read
        for segment in study.missing():
            assert run_job(now, segment, STORE, device="cpu", threads=1) == 0
        assert collect_results.main(["--plan", str(PLAN), "--store", str(STORE), "--output", str(PLAN.parent)]) == 0
        with (PLAN.parent / "runs.csv").open(newline="", encoding="utf-8") as file:
            (row,) = csv.DictReader(file)
        return "\n".join(said), row


@pytest.fixture
def little(tmp_path, monkeypatch):
    workspace = Workspace.entered(tmp_path, monkeypatch)
    demo = {"train": 4, "val": 3, "size": [32, 32], "classes": 1}  # validation in batches of two and one
    about = {"task": "binary", "classes": {0: "background", 1: "one"}, "foreground": "one"}
    workspace.write("config/datasets/tiny.yaml", {"name": "tiny", "reader": "demo", "demo": demo} | about)
    return Little(workspace)


def test_what_is_named_later_is_evaluated_or_trained_again(little):
    said, row = little.start()
    assert SOFT not in row

    said, row = little.start(also_report=[SOFT])
    assert "val/soft_jaccard is measured while training only: 1 of 1 segment trained without it" in said
    assert "All segments planned so far are trained." in said
    assert SOFT not in row
    plan = read_plan(PLAN)
    evaluated = evaluate_run(plan, row["run"], SegmentStore(STORE), "val", device="cpu").scores[SOFT]

    said, again = little.start(metric=SOFT)
    assert re.search(r"1 with 2 epochs will train:\n.*: it did not measure val/soft_jaccard", said)
    assert again["cell"] == row["cell"]
    plan = read_plan(PLAN)
    assert float(again[SOFT]) == evaluate_run(plan, row["run"], SegmentStore(STORE), "val", device="cpu").scores[SOFT]
    with (PLAN.parent / "epochs.csv").open(newline="", encoding="utf-8") as file:
        of_epochs = {one["epoch"]: float(one[SOFT]) for one in csv.DictReader(file)}
    assert of_epochs[row["best_epoch"]] == evaluated  # the same weights, to the bit
    assert float(again[SOFT]) == max(of_epochs.values())

    said, row = little.start(metric=SOFT)
    assert said.endswith("All segments planned so far are trained.")
