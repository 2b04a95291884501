"""Seeds that race: a grid of a program's settings to its report, then with more seeds."""

import csv
import json

import pytest
import yaml

from tests.workspace import Workspace, trainings

PROGRAM = """
import argparse, pathlib, random
parser = argparse.ArgumentParser()
for name, kind in (("level", float), ("seed", int), ("epochs", int), ("out", pathlib.Path)):
    parser.add_argument("--" + name, type=kind)
given = parser.parse_args()
score = given.level + random.Random(f"{given.level} {given.seed}").gauss(0, 0.005)
lines = [f"{epoch},{score * epoch / given.epochs}" for epoch in range(1, given.epochs + 1)]
given.out.joinpath("metrics.csv").write_text("\\n".join(["epoch,score", *lines]) + "\\n")
"""
STUDY = {
    "name": "raced",
    "metric": "val/score",
    "command": "python score.py --level {level} --seed {seed} --epochs {epochs} --out {out}",
    "parameters": {"level": 0.5},
    "results": {"file": "metrics.csv", "columns": {"val/score": "score"}},
    "folder": "my",
    "epochs": 2,
    "seeds": {"start": 2, "at_most": 3, "until": "decided"},
    "grid": {"level": [0.2, 0.3, 0.8, 0.801]},
}


@pytest.fixture(scope="module")
def raced(tmp_path_factory):
    """The study to its report, and what Snakemake said."""
    workspace = Workspace(tmp_path_factory.mktemp("raced"))
    workspace.write_program_study(STUDY, PROGRAM)
    return workspace, workspace.snakemake(study="raced", config=("pack=8",))


def rows(workspace, table):
    with (workspace.folder / "results" / "raced" / table).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def steps(workspace):
    return [path.read_text() for path in sorted((workspace.folder / "results" / "raced" / "sweep").glob("step_*.json"))]


def test_the_good_settings_alone_get_a_third_seed(raced):
    workspace, said = raced
    assert "Seeds of 4 cells race: 8 runs at least (2 seeds each), 12 at most (3 seeds each)." in said
    _, *further = trainings(said)  # the first seeds are one pack
    assert [one.split(",")[0] for one in further] == ["raced level=0.8 seed=2", "raced level=0.801 seed=2"]
    assert [(row["behind"], row["left"]) for row in rows(workspace, "race_rounds.csv")] == [("2", "2"), ("0", "2")]
    (race,) = rows(workspace, "races.csv")
    assert (race["ended"], race["runs"], race["runs_saved"]) == ("at_most", "10", "2")
    ranking = rows(workspace, "ranking.csv")
    assert [row["n"] for row in ranking] == ["3", "3", "2", "2"]
    assert {run["role"] for run in rows(workspace, "runs.csv")} == {"grid"}


def test_the_report_tells_it_and_every_number_has_a_source(raced):
    workspace, _ = raced
    report = (workspace.folder / "results" / "raced" / "report.md").read_text(encoding="utf-8")
    assert "## Race of seeds" in report
    assert "10 runs, 83% of the 12 that all seeds for all settings would have taken: 2 runs saved." in report
    workspace.run("workflow/scripts/verify_report.py", "--results", "results/raced")


def test_more_seeds_keep_what_is_there(raced):
    workspace, _ = raced
    before = steps(workspace)
    longer = STUDY | {"seeds": STUDY["seeds"] | {"at_most": 4}}
    workspace.write("config/studies/raced.yaml", longer)
    said = workspace.snakemake("results/raced/races.csv", study="raced")
    assert "Seeds of 4 cells race, 2 are left: 10 runs so far, 12 at most (4 seeds for each that is left)." in said
    assert [one.split(",")[0] for one in trainings(said)] == ["raced level=0.8 seed=3", "raced level=0.801 seed=3"]
    done = workspace.snakemake("--dry-run", study="raced")
    assert "The race of the seeds of 4 cells has ended, after 12 runs." in done
    assert steps(workspace)[:1] == before[:1]
    assert json.loads(steps(workspace)[-1])["done"]
    assert yaml.safe_load((workspace.folder / "config/studies/raced.yaml").read_text())["seeds"]["at_most"] == 4
    assert rows(workspace, "races.csv")[0]["runs"] == "12"
