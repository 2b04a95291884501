"""Results made elsewhere: read, checked, and analysed like our own."""

import csv
import json

import analyze_study
import build_report
import import_table
import pytest
import yaml

from segsweep.analysis.analyze import Analysis
from segsweep.analysis.import_table import import_table as read
from segsweep.analysis.import_table import write
from segsweep.analysis.study_results import open_results
from segsweep.config.study import Study
from segsweep.errors import InputError

TABLE = {
    "file": "runs.csv",
    "axes": {"optimizer.lr": "lr", "scheduler.t_max": "t_max"},
    "metrics": {"val/hmean": {"column": "hmean_percent", "unit": "percent"}},
    "status": {"column": "status", "completed": "finished", "terminated": "pruned"},
    "epochs": "epochs",
}
HEADER = "lr,t_max,hmean_percent,status,epochs"
LINES = [
    "3e-4,20,96.1,completed,22",
    "4e-4,20,95.9,completed,22",
    "5e-4,22,96.4%,completed,22",
    "6e-4,22,90.2,terminated,10",
]


def study_of(**changes):
    """The study, keys of its table changed."""
    return Study(name="foreign", metric="val/hmean", table=TABLE | changes)


def read_lines(folder, lines, header=HEADER, **changes):
    """Reads a table with these lines."""
    (folder / "runs.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return read(study_of(**changes), folder)


def problems(folder, lines, header=HEADER, **changes):
    """The problems that reading finds."""
    with pytest.raises(InputError) as caught:
        read_lines(folder, lines, header, **changes)
    return caught.value.problems


def test_percent_and_statuses_are_translated(tmp_path):
    imported = read_lines(tmp_path, LINES)
    assert [row["val/hmean"] for row in imported.runs] == pytest.approx([0.961, 0.959, 0.964, 0.902])
    assert [row["status"] for row in imported.runs] == ["finished"] * 3 + ["pruned"]
    assert imported.runs[0]["optimizer.lr"] == "3e-4"
    assert imported.plan.cells[0].settings == {"optimizer.lr": 3e-4, "scheduler.t_max": 20}
    assert imported.runs[3]["epochs"] == 10


def test_impossible_values_are_named_with_their_line(tmp_path):
    found = problems(tmp_path, [*LINES, "7e-4,20,150,completed,22", "8e-4,20,soon,completed,22", "9e-4,20,95,gone,22"])
    assert len(found) == 3
    assert "runs.csv:6: hmean_percent is '150': impossible" in found[0]
    assert "runs.csv:7: hmean_percent is 'soon': not a number" in found[1]
    assert "runs.csv:8: status is 'gone'" in found[2]


def test_a_fraction_that_looks_like_percent_gets_a_remedy(tmp_path):
    found = problems(tmp_path, LINES[:1], metrics={"val/hmean": "hmean_percent"})
    assert "unit: percent" in found[0]
    found = problems(tmp_path, LINES[:1], metrics={"val/hmean": {"column": "hmean_percent", "unit": "none"}})
    assert "lies between 0 and 1" in found[0]


def test_columns_that_are_not_there_are_named_with_the_nearest(tmp_path):
    found = problems(tmp_path, LINES, epochs="epoch", axes={"optimizer.lr": "lrr"})
    assert any("no column 'lrr'" in text and "Did you mean 'lr'?" in text for text in found)
    assert any("'epoch'" in text and "'epochs'" in text for text in found)
    with pytest.raises(InputError, match=r"other\.csv: cannot be read"):
        read(study_of(file="other.csv"), tmp_path)


def test_copies_missing_values_and_constants_are_noted(tmp_path):
    fine = "3e-4,20,96.1234,completed,22"
    lines = [fine, LINES[1], fine, "NA,20,96.0,completed,22", "5e-4,20,,completed,22", "5e-4,20,96.0,,22"]
    imported = read_lines(tmp_path, lines)
    assert len(imported.runs) == 2
    assert [row["detail"] for row in imported.missing] == [
        "line 4: a copy of line 2, with the same setting and scores",
        "line 5: no lr",
        "line 6: no hmean_percent",
        "line 7: no status",
    ]
    assert any("line 4" in note and "copy" in note for note in imported.notes)
    assert any("scheduler.t_max has the same value, 20" in note for note in imported.notes)


def test_rows_of_one_setting_are_replicates_unless_their_seed_says_otherwise(tmp_path):
    lines = ["3e-4,20,96.1,completed,1", "3e-4,20,95.1,completed,1"]
    runs = read_lines(tmp_path, lines).runs
    assert [row["run"].split("-")[1] for row in runs] == ["s0", "s1"]
    assert [row["seed"] for row in runs] == [None, None]  # none is made up
    found = problems(tmp_path, lines, seed="epochs")
    assert "the same setting and seed 1 as line 2" in found[0]


def test_the_same_analysis_without_training(tmp_path, capsys):
    lines = [f"{lr},{t},{90 + 3 * i + 0.1 * j + 0.2 * s},completed,22" for i, lr in enumerate(("3e-4", "5e-4", "6e-4"))
             for j, t in enumerate((20, 22)) for s in range(3)]  # fmt: skip
    (tmp_path / "runs.csv").write_text("\n".join([HEADER, *lines, LINES[3]]), encoding="utf-8")
    study = {"name": "foreign", "dataset": "pages", "metric": "val/hmean", "table": TABLE}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    output = tmp_path / "results"
    assert import_table.main(["--study", str(tmp_path / "study.yaml"), "--output", str(output)]) == 0
    assert analyze_study.main(["--results", str(output)]) == 0
    assert build_report.main(["--results", str(output), "--output", str(output)]) == 0
    about = json.loads((output / "analysis.json").read_text())
    assert about["best"]["settings"] == {"optimizer.lr": "6e-4", "scheduler.t_max": "22"}
    with (output / "factor_summary.csv").open(newline="") as file:
        relations = {row["axis"]: row["relation"] for row in csv.DictReader(file)}
    assert relations["optimizer.lr"] == "distinct"
    best = yaml.safe_load((output / "best.yaml").read_text())
    assert best["set"] == {"optimizer.lr": 6e-4, "scheduler.t_max": 22}


def test_rows_that_are_left_out_are_no_planned_runs(tmp_path):
    """Nobody can train them: the report comes, says which they are, and does not ask for them."""
    lines = [f"{lr},{20 + t},{90 + 3 * i + 0.1 * s:.1f},completed,22" for i, lr in enumerate(("3e-4", "5e-4"))
             for t in range(2) for s in range(3)]  # fmt: skip
    (tmp_path / "runs.csv").write_text("\n".join([HEADER, *lines, "NA,20,96.0,completed,22"]), encoding="utf-8")
    study = {"name": "foreign", "metric": "val/hmean", "table": TABLE}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    output = tmp_path / "results"
    import_table.main(["--study", str(tmp_path / "study.yaml"), "--output", str(output)])
    analyze_study.main(["--results", str(output)])
    assert build_report.main(["--results", str(output), "--output", str(output)]) == 0
    report = (output / "report.md").read_text(encoding="utf-8")
    assert "1 row of the table is left out and enters no statistic" in report
    assert "line 14: no lr" in report
    assert "planned run" not in report
    assert "report is partial" not in report
    assert "data set" not in report.lower()


def test_epochs_may_be_what_varies(tmp_path):
    rows = ((10, 0.1, 61), (10, 0.2, 62), (20, 0.1, 71), (20, 0.2, 74))
    lines = [f"{epochs},{lr},0.{score},completed" for epochs, lr, score in rows]
    axes, metrics = {"epochs": "epochs", "optimizer.lr": "lr"}, {"val/hmean": "miou"}
    imported = read_lines(tmp_path, lines, "epochs,lr,miou,status", axes=axes, metrics=metrics, epochs=None)
    assert [row["epochs"] for row in imported.runs] == ["10", "10", "20", "20"]


@pytest.mark.parametrize("levels", [2, 12], ids=["levels", "range"])
@pytest.mark.parametrize("word", ["", "m"], ids=["numbers", "words"])
def test_importance_where_a_hyperparameter_does_not_apply(tmp_path, levels, word):
    rates = [0.001 * 2**i for i in range(12)]
    lines = ["lr,name,momentum,score"]
    for i, rate in enumerate(rates):
        lines.append(f"{rate},adam,,{0.5 + 0.001 * i}")
        for k in range(levels) if levels == 2 else [i]:
            lines.append(f"{rate},sgd,{word}{0.5 + 0.03 * k},{0.7 + 0.001 * i + 0.01 * k}")
    (tmp_path / "runs.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    axes = {"optimizer.lr": "lr", "optimizer.name": "name", "optimizer.momentum": "momentum"}
    table = {"file": "runs.csv", "axes": axes, "metrics": {"val/miou": "score"}}
    write(read(Study(name="foreign", metric="val/miou", table=table), tmp_path), tmp_path)
    found = Analysis(open_results(tmp_path), {}, problems=[]).axis_importance
    assert {row["axis"] for row in found.rows} == set(axes)
    assert found.rows[0]["axis"] != "optimizer.lr"
