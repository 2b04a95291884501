"""Several objectives of a program to the report: the front, its shares, and the figure of three of them."""

import csv

import pytest
import verify_report

from tests.workspace import Workspace

# The larger the level, the higher the score; 4 is faster and smaller than 3, so 3 is on no front.
PROGRAM = """
import argparse, pathlib, random
parser = argparse.ArgumentParser()
for name, kind in (("level", float), ("seed", int), ("out", pathlib.Path)):
    parser.add_argument("--" + name, type=kind)
given = parser.parse_args()
noise = random.Random(f"{given.level} {given.seed}").gauss(0, 0.001)
latency, size = {1: (1, 1), 2: (2, 0), 3: (4, 3), 4: (3, 2)}[given.level]
row = f"1,{0.5 + given.level / 10 + noise},{latency + noise},{size}"
given.out.joinpath("metrics.csv").write_text(f"epoch,iou,latency,size\\n{row}\\n")
"""
STUDY = {
    "name": "traded",
    "command": "python score.py --level {level} --seed {seed} --out {out}",
    "parameters": {"level": 1.0},
    "results": {"file": "metrics.csv", "columns": {"val/iou": "iou", "val/latency": "latency", "val/size": "size"}},
    "objectives": {"val/iou": "maximize", "val/latency": "minimize", "val/size": "minimize"},
    "folder": "my",
    "epochs": 1,
    "seeds": [0, 1, 2],
    "grid": {"level": [1, 2, 3, 4]},
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The folder of the study's results."""
    workspace = Workspace(tmp_path_factory.mktemp("objectives"))
    workspace.write_program_study(STUDY, PROGRAM)
    workspace.snakemake(study="traded", config=("pack=12",))
    return workspace.folder / "results" / "traded"


def test_the_front_of_three_objectives(results):
    with (results / "front.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["label"]: (row["on_front"], float(row["share"])) for row in rows} == {
        "level=1": ("True", 1), "level=2": ("True", 1), "level=3": ("False", 0), "level=4": ("True", 1)
    }  # fmt: skip


def test_the_report_shows_it_and_every_number_has_a_source(results):
    report = (results / "report.md").read_text(encoding="utf-8")
    section = report.partition("## Trade-off")[2].partition("\n## ")[0]
    assert "3 draws" in section or "3 seeds" in section
    assert "(figures/trade_off." in section
    assert verify_report.main(["--results", str(results)]) == 0
