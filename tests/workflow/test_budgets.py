"""Budgets: a study ends with its report when one is spent, and goes on when it is raised, training nothing twice."""

import csv
import json
import time
from datetime import datetime, timedelta

import pytest
import verify_report

from segsweep.config.search import Sweep
from segsweep.search.proposals import propose
from tests.workspace import Workspace

# Trains nothing: an epoch takes as many seconds as it says, the last one of a slow setting as long as a file is there;
# the score follows from the settings. It goes on behind the epochs that are there.
PROGRAM = """
import pathlib, sys, time
out, lr, seed, until, epochs, seconds, slow = sys.argv[1:]
here, metrics = pathlib.Path(__file__).parent, pathlib.Path(out, "metrics.csv")
with open(here / "started.txt", "a") as log:
    log.write(f"{lr} {seed}\\n")
done = len(metrics.read_text().splitlines()) - 1 if metrics.exists() else 0
with open(metrics, "a") as file:
    file.write("" if metrics.stat().st_size else "epoch,iou\\n")
    for epoch in range(done + 1, int(until) + 1):
        time.sleep(float(seconds))
        while epoch == int(epochs) and lr == slow and (here / "wait").exists():
            time.sleep(0.05)
        file.write(f"{epoch},{0.5 + float(lr) + 0.001 * int(seed) + 0.0001 * epoch}\\n")
        file.flush()
"""
COMMAND = "python paced.py {out} {lr} {seed} {until} {epochs} {seconds} {slow} {resume:}"
STUDY = {
    "title": "A study with a budget",
    "command": COMMAND,
    "parameters": {"lr": 0.01, "seconds": 0.0, "slow": 0.0},
    "folder": ".",
    "code": ["paced.py"],
    "results": {"columns": {"val/iou": "iou"}},
    "metric": "val/iou",
    "epochs": 1,
    "seeds": [0, 1, 2],
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    made = Workspace(tmp_path_factory.mktemp("budgets"))
    (made.folder / "my").mkdir()
    (made.folder / "my" / "paced.py").write_text(PROGRAM)
    return made


class Ours:
    """A study in the workspace, started again and again."""

    def __init__(self, workspace, name, **keys):
        self.workspace, self.name, self.keys = workspace, name, STUDY | {"name": name} | keys
        self.folder = workspace.folder / "results" / name

    def train(self, **keys):
        """Run what trains and decides, in packs; nothing is analyzed."""
        tables = ["runs.csv", "budget.csv", *(["sweep/trials.csv"] if "sweep" in self.keys else [])]
        return self.start(*(f"results/{self.name}/{one}" for one in tables), config=("pack=8",), **keys)

    def start(self, *arguments, cores=1, config=(), **keys):
        """Run all of it; the whole output."""
        (self.workspace.folder / "my" / "started.txt").write_text("")
        study = {name: value for name, value in (self.keys | keys).items() if value is not None}
        self.workspace.write(f"my/{self.name}.yaml", study)
        began = time.monotonic()
        output = self.workspace.snakemake(*arguments, study=f"my/{self.name}.yaml", cores=cores, config=config)
        self.took_s = time.monotonic() - began
        return output

    @property
    def started(self):
        """`lr seed` of the trainings of the last start, in order."""
        return (self.workspace.folder / "my" / "started.txt").read_text().splitlines()

    def rows(self, table):
        with (self.folder / table).open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    @property
    def report(self):
        assert verify_report.main(["--results", str(self.folder)]) == 0
        return (self.folder / "report.md").read_text(encoding="utf-8")


def soon(study):
    """A time of the budget: twice as far from now as the study's last start took to train."""
    return (datetime.now() + timedelta(seconds=2 * study.took_s)).strftime("%Y-%m-%dT%H:%M:%S")


def test_runs_of_a_grid(workspace):
    """Each cell has its first seed before any has a second; then more, and nothing twice."""
    study = Ours(workspace, "counted", grid={"lr": [0.01, 0.02, 0.03]})
    output = study.start(budget={"runs": 4})
    assert study.started == ["0.01 0", "0.02 0", "0.03 0", "0.01 1"]
    (use,) = study.rows("budget.csv")
    assert (use["limit"], use["allowed"], use["used"], use["left_out"]) == ("runs", "4", "4", "5")
    assert "Of 9 planned runs the budget" in output
    assert "The budget ended this study: of 9 planned runs, 4 are trained and 5 are left out." in study.report
    assert "partial" not in study.report.partition("\n## ")[0]
    assert "Nothing to be done" in study.start("--dry-run", budget={"runs": 4})
    study.train(budget={"runs": 6})
    assert study.started == ["0.02 1", "0.03 1"]
    study.train()
    assert len(study.started) == 3
    assert len(study.rows("runs.csv")) == 9


def test_gpu_hours_of_a_grid(workspace):
    """Of five runs of a second each two or three fit into 3.6 s of training; what is left trains once it is raised."""
    study = Ours(workspace, "hours", grid={"lr": [0.01, 0.02, 0.03, 0.04, 0.05]}, seeds=[0])
    slow = STUDY["parameters"] | {"seconds": 1.0}
    study.start(parameters=slow, budget={"gpu_hours": 0.001}, config=("pack=2",))
    first = study.started
    assert 2 <= len(first) <= 4
    (use,) = study.rows("budget.csv")
    assert int(use["left_out"]) == 5 - len(first)
    assert {row["left_out"] for row in study.rows("missing.csv")} == {"gpu_hours"}
    assert f"of 5 planned runs, {len(first)} are trained and {5 - len(first)} " in study.report
    assert "Of 0.001 GPU hours" in study.report
    study.train(parameters=slow, budget={"gpu_hours": 1})
    assert sorted(first + study.started) == [f"{lr} 0" for lr in study.keys["grid"]["lr"]]


def test_a_grid_until_a_time(workspace):
    """A training that still runs then is stopped; the report is made, and it trains when the time is another one."""
    study = Ours(workspace, "timed", grid={"lr": [0.01]}, seeds=[0], parameters=STUDY["parameters"] | {"slow": 0.02})
    wait = workspace.folder / "my" / "wait"
    study.train()
    wait.touch()
    keys = {"grid": {"lr": [0.01, 0.02]}, "claims": [CLAIM]}
    output = study.start(budget={"until": soon(study)}, **keys)
    wait.unlink()
    assert study.started == ["0.02 0"], output
    (missing,) = study.rows("missing.csv")
    assert missing["left_out"] == "until"
    assert "stopped after epoch 0" in missing["detail"]
    assert [row["verdict"] for row in study.rows("claims.csv")] == ["undecided"]
    assert "The budget left out 1 run of those that it rests on" in study.report
    assert [row["status"] for row in study.rows("statuses.csv")] == ["finished", "left out by the budget"]
    past = study.train(budget={"until": "2020-01-01T08:00"}, **keys)
    assert "nothing more trains" in past
    assert study.started == []
    study.start(budget={"until": "2999-01-01T08:00"}, **keys)
    assert study.started == ["0.02 0"]
    assert "The budget was enough" in study.report


CLAIM = {"id": "higher", "claim": "A higher rate is better.", "best_in": {"lr": [0.02]}}
SEARCH = {"sampler": "random", "at_once": 2, "space": {"lr": {"low": 0.01, "high": 0.2}}}


def test_runs_of_a_search(workspace):
    """Of five runs two are kept for the confirmation; with more the search goes on where it stopped."""
    study = Ours(workspace, "searched", sweep=SEARCH | {"trials": 6}, seeds=[0], confirm={"top": 1, "seeds": [1, 2]})
    study.start(budget={"runs": 5})
    first, trials = study.started, study.rows("sweep/trials.csv")
    assert len(first) == 5
    assert [trial["status"] for trial in trials] == ["finished"] * 3
    states = [json.loads(path.read_text()) for path in sorted(study.folder.glob("sweep/step_*.json"))]
    (refused,) = [one["refused"] for state in states for one in state["log"] if one["kind"] == "budget"]
    assert refused["kind"] == "runs"
    assert (
        "> The budget ended the search before all trials were proposed: 0 of 5 runs are left beside what is kept for "
        "what follows, and 1 more would be needed." in study.report
    )
    assert "The budget was enough" not in study.report
    assert "3 settings (6 trials were asked for)" in study.report
    study.train(budget={"runs": 8})
    assert len({*first, *study.started}) == len(first) + len(study.started)
    assert study.rows("sweep/trials.csv")[:3] == trials or len(study.rows("sweep/trials.csv")) == 6
    assert len(study.rows("runs.csv")) <= 10


def test_a_race_whose_confirmation_has_no_run_left(workspace):
    """Of three runs one is kept: no cell can race, and of the settings that are confirmed one has no run at all."""
    study = Ours(
        workspace, "raced", grid={"lr": [0.11, 0.12, 0.13]}, seeds={"start": 2, "at_most": 3},
        confirm={"top": 2, "seeds": {"first": 10, "start": 2, "at_most": 3}},
    )  # fmt: skip
    output = study.start(budget={"runs": 3})
    assert "1 of 3 cells has no run at all." in output
    races = study.rows("races.csv")
    assert [(one["race"], one["ended"], one["runs"], one["rounds"]) for one in races] == [
        ("seeds", "budget", "2", "0"), ("confirm", "budget", "1", "0"),
    ]  # fmt: skip
    assert [(one["standing"], one["seeds"]) for one in study.rows("race_settings.csv")][-2:] == [
        ("first", "1"), ("left", "0"),
    ]  # fmt: skip
    assert "2 settings were to begin with 2 seeds each" in study.report


def test_a_search_until_a_time(workspace):
    """A trial that was promoted and cannot end counts with what it showed; nothing is confirmed any more."""
    sweep = SEARCH | {"trials": 4, "pruner": {"name": "halving", "min_epochs": 1, "eta": 2}}
    space = Sweep.model_validate(sweep)
    slow = propose(space, space.space, [], 2, minimize=False)[0]["lr"]
    study = Ours(
        workspace, "ended", sweep=sweep, seeds=[0], epochs=3, confirm={"top": 1, "seeds": [1]},
        parameters=STUDY["parameters"] | {"slow": slow},
    )  # fmt: skip
    wait = workspace.folder / "my" / "wait"
    study.train(sweep=sweep | {"trials": 1}, parameters=STUDY["parameters"] | {"seconds": 0.001}, cores=2)
    wait.touch()
    study.start(budget={"until": soon(study)}, cores=2)
    wait.unlink()
    trial = study.rows("sweep/trials.csv")[0]
    assert (trial["status"], trial["budget"]) == ("pruned", "until")
    assert study.report
    assert study.rows("runs.csv")[0]["status"] == "pruned"
    study.start(cores=2)
    trials = study.rows("sweep/trials.csv")
    assert [one["budget"] for one in trials] == [""] * 4
    assert [one["role"] for one in study.rows("runs.csv")].count("confirm") == 1
    assert "## Budget" not in study.report
