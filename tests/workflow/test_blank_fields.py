"""An exported table with blank fields, from Snakemake's start to the exported report."""

import csv

import pytest

from tests.workspace import Workspace

# Momentum does not apply to Adam; one run of SGD has no score, one of Adam a loss that is no number.
TABLE = """opt,momentum,seed,miou,loss
sgd,0.8,0,0.58,0.31
sgd,0.8,1,0.60,
sgd,0.9,0,0.61,0.29
sgd,0.9,1,,0.30
adam,,0,0.70,0.2
adam,,1,0.72,nan
"""
AXES = {"optimizer.name": "opt", "optimizer.momentum": "momentum"}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    made = Workspace(tmp_path_factory.mktemp("blanks"))
    (made.folder / "config" / "studies" / "blanks.csv").write_text(TABLE, encoding="utf-8")
    table = {"file": "blanks.csv", "axes": AXES, "metrics": {"val/miou": "miou", "val/loss": "loss"}, "seed": "seed"}
    made.write("config/studies/blanks.yaml", {"name": "blanks", "metric": "val/miou", "table": table})
    made.snakemake(study="blanks")
    made.said = made.snakemake("export_report", study="blanks")
    made.results = made.folder / "results" / "blanks"
    return made


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_runs_to_which_a_setting_does_not_apply_count(results):
    ranking = rows_of(results.results / "ranking.csv")
    assert [(row["optimizer.name"], row["optimizer.momentum"]) for row in ranking] == [
        ("adam", ""), ("sgd", "0.9"), ("sgd", "0.8"),
    ]  # fmt: skip
    assert "set: {optimizer.name: adam}" in (results.results / "best.yaml").read_text(encoding="utf-8")


def test_the_report_says_which_row_could_not_be_used_and_asks_nobody_to_train_it(results):
    (missing,) = rows_of(results.results / "missing.csv")
    assert missing["detail"] == "line 5: no miou"
    text = (results.results / "report.md").read_text(encoding="utf-8")
    assert "no miou" in text
    assert "Train " not in text


def test_its_tables_are_exported(results):
    assert "export_report" in results.said
    assert "build_report" not in results.said.partition("Job stats")[2].partition("\n\n")[0]
    text = (results.results / "export" / "tables" / "ranking.tex").read_text(encoding="utf-8")
    assert not (results.results / "export" / ".snakemake_timestamp").exists()
    assert "\\texttt{name=\\allowbreak{}adam}" in text
