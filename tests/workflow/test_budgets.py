"""Budgets: a study ends with its report when one is spent, and goes on when it is raised, training nothing twice."""

import csv
import json
from datetime import datetime, timedelta

import pytest

from tests.workspace import Workspace

# Trains nothing: an epoch takes as many seconds as it says, and its score follows from the settings.
PROGRAM = """
import pathlib, sys, time
out, lr, seed, epochs, seconds = sys.argv[1:]
with open(pathlib.Path(__file__).parent / "started.txt", "a") as log:
    log.write(f"{lr} {seed}\\n")
with open(pathlib.Path(out, "metrics.csv"), "w") as file:
    file.write("epoch,iou\\n")
    for epoch in range(1, int(epochs) + 1):
        time.sleep(float(seconds))
        file.write(f"{epoch},{0.5 + float(lr) + 0.001 * int(seed) + 0.0001 * epoch}\\n")
        file.flush()
"""
COMMAND = "python paced.py {out} {lr} {seed} {until} {seconds}"
STUDY = {
    "title": "A study with a budget",
    "command": COMMAND,
    "parameters": {"lr": 0.01, "seconds": 0.0},
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

    def start(self, *arguments, cores=1, config=(), **keys):
        """Run all of it; the whole output."""
        (self.workspace.folder / "my" / "started.txt").write_text("")
        study = {name: value for name, value in (self.keys | keys).items() if value is not None}
        self.workspace.write(f"my/{self.name}.yaml", study)
        return self.workspace.snakemake(*arguments, study=f"my/{self.name}.yaml", cores=cores, config=config)

    @property
    def started(self):
        """`lr seed` of the trainings of the last start, in order."""
        return (self.workspace.folder / "my" / "started.txt").read_text().splitlines()

    def rows(self, table):
        with (self.folder / table).open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    @property
    def report(self):
        self.workspace.run("workflow/scripts/verify_report.py", "--results", f"results/{self.name}")
        return (self.folder / "report.md").read_text(encoding="utf-8")


def test_runs_of_a_grid(workspace):
    """Each cell has its first seed before any has a second; then more, and nothing twice."""
    study = Ours(workspace, "counted", grid={"lr": [0.01, 0.02, 0.03]})
    output = study.start(budget={"runs": 4})
    assert study.started == ["0.01 0", "0.02 0", "0.03 0", "0.01 1"]
    (use,) = study.rows("budget.csv")
    assert (use["limit"], use["allowed"], use["used"], use["left_out"]) == ("runs", "4", "4", "5")
    assert "Of 9 planned runs the budget" in output
    assert "The budget ended this study: of 9 planned runs, 4 are trained and 5 left out." in study.report
    assert "partial" not in study.report.partition("\n## ")[0]
    assert "Nothing to be done" in study.start("--dry-run", budget={"runs": 4})
    study.start(budget={"runs": 6})
    assert study.started == ["0.02 1", "0.03 1"]
    study.start()
    assert len(study.started) == 3
    assert "budget" not in study.report
    assert len(study.rows("runs.csv")) == 9
