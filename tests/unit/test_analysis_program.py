"""Studies of a program of one's own, from what it left in the store to tables, statistics, report and status."""

import csv
import json
import math
import os
import re

import analyze_study
import build_report
import collect_results
import evaluate_run
import predict_test
import pytest
import show_status
import verify_report
import write_metrics
import yaml
from rich.console import Console

from segsweep.analysis.collect import collect, write
from segsweep.analysis.study_results import open_results
from segsweep.errors import InputError
from segsweep.planning.plan_file import StudyPlan, read_plan
from segsweep.planning.status import status_of
from segsweep.report.program_setup import leaves
from segsweep.search.results import gather, scored_cells
from segsweep.store.segment_store import SegmentStore
from tests.program_study import EPOCHS, RESULTS, program_study, score, usual_rows


def table(folder, name):
    with (folder / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def analyzed(folder):
    """The tables of a study from its plan and store, as the rules make them; analysis.json."""
    assert collect_results.main(
        ["--plan", str(folder / "plan.json"), "--store", str(folder / "segments"), "--output", str(folder)]
    ) == 0  # fmt: skip
    assert analyze_study.main(["--results", str(folder)]) == 0
    return json.loads((folder / "analysis.json").read_text())


def reported(folder):
    """The report on such tables, verified, as text."""
    analyzed(folder)
    assert write_metrics.main(["--results", str(folder)]) == 0
    store = ["--store", str(folder / "segments")]
    assert build_report.main(["--results", str(folder), "--output", str(folder), *store]) == 0
    assert verify_report.main(["--results", str(folder)]) == 0
    return (folder / "report.md").read_text(encoding="utf-8")


def test_tables_have_the_names_and_units_of_the_study(tmp_path):
    plan = program_study(tmp_path)
    write(collect(plan, SegmentStore(tmp_path / "segments")), tmp_path)
    runs, epochs = table(tmp_path, "runs.csv"), table(tmp_path, "epochs.csv")
    assert len(runs) == 8
    assert len(epochs) == 8 * EPOCHS
    settings = {cell.cell: cell.settings for cell in plan.cells}
    for row in runs:
        end = score(settings[row["cell"]], int(row["seed"]))
        assert float(row["val/miou"]) == pytest.approx(end)
        assert int(row["best_epoch"]) == EPOCHS
        assert float(row["val/loss"]) == pytest.approx(1 / EPOCHS + 0.2 * end)
        assert row["cost/parameters"] == row["same_as"] == ""
    assert "val_iou" not in epochs[0]
    assert "grad_norm" not in epochs[0]
    assert float(epochs[0]["val/miou"]) == pytest.approx(score(settings[epochs[0]["cell"]], 0) / EPOCHS)
    assert [row["optimizer.lr"] for row in table(tmp_path, "cells.csv")] == ["1e-3", "1e-3", "0.01", "0.01"]


def test_a_column_that_is_named_later_needs_no_training(tmp_path):
    program_study(tmp_path)
    content = json.loads((tmp_path / "plan.json").read_text())
    content["study"]["metric"] = "val/norm"
    content["study"]["results"]["columns"]["val/norm"] = "grad_norm"
    found = collect(StudyPlan.from_json(content), SegmentStore(tmp_path / "segments"))
    assert found.scores[0] == "val/norm"
    assert all(float(row["val/norm"]) == pytest.approx(EPOCHS + float(row["val/miou"])) for row in found.runs)


def test_a_loss_of_training_may_be_the_metric(tmp_path):
    plan = program_study(tmp_path, metric="train/loss", minimize=True)
    found = collect(plan, SegmentStore(tmp_path / "segments"))
    assert found.scores == ["train/loss", "val/loss", "val/miou"]
    settings = {cell.cell: cell.settings for cell in plan.cells}
    for row in found.runs:
        assert float(row["train/loss"]) == 1 / EPOCHS + 0.1 * score(settings[row["cell"]], row["seed"])


def test_report_is_made_and_verified(tmp_path):
    program_study(tmp_path, matters=0.05)
    text = reported(tmp_path)
    said = re.search(r"^## What was studied\n(.*?)^## ", text, re.MULTILINE | re.DOTALL).group(1)
    assert "no section on the data and no images" in said
    assert "data set" not in said.lower()
    assert "| Command | `python my/train.py --lr {optimizer.lr} --batch {batch_size}" in said
    assert "| Width | 16 | `width` |" in said
    assert "`optimizer.lr` | 2 | `1e-3`, `0.01`" in said  # an axis, and not among what is common
    assert "| Code | `my/a.py`, `my/b.py`, `my/c.py`" in said
    assert "`my/h.py`, …, 10 files in all | `code` |" in said
    assert "| Input | `data/mine` | `inputs` |" in said
    assert "| Validation mIoU | `val_iou`, in percent | `results.columns` |" in said
    assert "| Seeds | 0, 1 | `seeds` |" in said
    assert "\n## Data\n" not in text
    assert "\n## Images\n" not in text
    assert "The program's own files are in `out` of each." in text
    assert "`c0de`" not in text
    assert "| Data fingerprint | `da7a` |" in text
    best = yaml.safe_load((tmp_path / "best.yaml").read_text())
    assert best["set"] == {"optimizer.lr": 1e-2, "batch_size": 8}
    assert best["parameters"] == {"optimizer": {"lr": 1e-2}, "batch_size": 8, "width": 16}
    assert best["epochs"] == EPOCHS
    assert best["command"].startswith("python my/train.py")
    assert "train" not in best
    assert json.loads((tmp_path / "metrics.json").read_text())["best"]["val/miou"] == pytest.approx(0.71, abs=0.01)


def test_dotted_parameters_and_sections_have_the_same_names():
    tree = {"optimizer.lr": 1e-3, "model": {"name": "tiny", "options": {}, "sizes.first": 3}}
    assert list(leaves(tree, "study.parameters")) == [
        ("optimizer.lr", 'study.parameters["optimizer.lr"]'),
        ("model.name", 'study.parameters["model"]["name"]'),
        ("model.options", 'study.parameters["model"]["options"]'),
        ("model.sizes.first", 'study.parameters["model"]["sizes.first"]'),
    ]


def test_runs_that_ended_otherwise(tmp_path):
    def rows(settings, seed):
        found = usual_rows(settings, seed)
        if settings == {"optimizer.lr": 1e-2, "batch_size": 8} and seed == 1:
            return [found[0], found[1] | {"loss": math.nan, "val_iou": math.nan}]
        return found[:2] if settings["batch_size"] == 4 and seed == 1 else found

    statuses = {(3, 1): "diverged", (0, 1): "early_stopped", (2, 1): "early_stopped"}
    program_study(tmp_path, rows=rows, statuses=statuses)
    analyzed(tmp_path)
    counted = {row["status"]: int(row["n"]) for row in table(tmp_path, "statuses.csv")}
    assert counted == {"finished": 5, "early_stopped": 2, "diverged": 1}


def test_a_metric_without_a_column_is_named_with_what_there_is(tmp_path):
    plan = program_study(tmp_path, metric="val/iou_mean")
    with pytest.raises(InputError, match=r"epochs\.csv: .*no column 'val/iou_mean' of numbers.*grad_norm.*val_iou"):
        collect(plan, SegmentStore(tmp_path / "segments"))


def test_a_column_that_no_run_has_is_named_and_one_that_some_lack_is_empty(tmp_path):
    columns = RESULTS["columns"] | {"val/dice": "val_dise"}

    def rows(settings, seed):
        return [row | ({"val_dise": 0.5} if seed else {}) for row in usual_rows(settings, seed)]

    plan = program_study(tmp_path, rows=rows, results=RESULTS | {"columns": columns})
    found = collect(plan, SegmentStore(tmp_path / "segments"))
    assert [row.get("val/dice") for row in found.runs] == [None, "0.5"] * 4
    nowhere = program_study(tmp_path / "2", results=RESULTS | {"columns": columns})
    with pytest.raises(InputError, match=r"epochs\.csv: .*no column 'val_dise' of numbers for val/dice.*val_iou"):
        collect(nowhere, SegmentStore(tmp_path / "2" / "segments"))


def test_percent_that_nobody_spoke_of_are_found(tmp_path):
    plan = program_study(tmp_path, results=RESULTS | {"columns": {"val/miou": "val_iou"}})
    with pytest.raises(InputError, match=r"val/miou of epoch 1 is .*between 0 and 1.*{column: val_iou, unit: percent}"):
        collect(plan, SegmentStore(tmp_path / "segments"))


def test_a_program_that_ignores_its_seed_is_told_and_counts_once(tmp_path):
    def rows(settings, seed):
        own = usual_rows(settings, 0 if settings["optimizer.lr"] == 1e-2 else seed)
        return [row | {"seconds": 2.0 + seed} for row in own]

    plan = program_study(tmp_path, rows=rows)
    text = reported(tmp_path)
    runs = table(tmp_path, "runs.csv")
    settings = {cell.cell: cell.settings for cell in plan.cells}
    expected = [
        f"{row['cell']}-s0" if row["seed"] == "1" and settings[row["cell"]]["optimizer.lr"] == 1e-2 else ""
        for row in runs
    ]
    assert [row["same_as"] for row in runs] == expected
    assert "2 runs have the very curve of another seed or fold of the same setting" in text
    ranking = {row["cell"]: row for row in table(tmp_path, "ranking.csv")}
    assert [int(ranking[cell.cell]["n"]) for cell in plan.cells] == [2, 2, 1, 1]
    results = open_results(tmp_path)
    assert results.replicate_df == 2
    assert "missing" not in json.loads((tmp_path / "analysis.json").read_text())["best"]["chosen_by"]
    status = status_of(plan, SegmentStore(tmp_path / "segments"), tmp_path / "logs")
    assert status.repeated == 2
    with Console(record=True, width=200) as console:
        show_status.show(status, plan, console)
        show_status.show_ranking(tmp_path, plan, console)
        (tmp_path / "ranking.csv").unlink()
        show_status.show_ranking(tmp_path, plan, console)
        (tmp_path / "report.md").touch()
        os.utime(tmp_path / "report.md", (1e9 + 36e3, 1e9 + 36e3))
        show_status.show_report(tmp_path, console)
    said = console.export_text()
    assert "2 runs have the very curve of another seed" in said
    assert "top of 4 cells" in said
    assert "no ranking yet" in said
    assert "of 09 September, " in said


def test_seeds_that_do_nothing_anywhere_leave_nothing_to_judge_by(tmp_path):
    program_study(tmp_path, rows=lambda settings, seed: usual_rows(settings, 0))
    about = analyzed(tmp_path)
    assert about["noise"]["why"] == "Seeds change no score"
    assert about["replicates"] == {"min": 1, "max": 1}
    assert any(warning["text"].startswith("4 runs have the very curve") for warning in about["warnings"])


def test_there_is_no_network_to_evaluate_or_to_predict_with(tmp_path, capsys):
    plan = program_study(tmp_path)
    files = ["--plan", str(tmp_path / "plan.json"), "--store", str(tmp_path / "segments"), "--output"]
    assert evaluate_run.main([*files, str(tmp_path / "scores.json"), "--run", plan.runs[0].run]) == 2
    assert "no network to evaluate or to predict with" in capsys.readouterr().err
    ranking = ["--ranking", str(tmp_path / "ranking.csv")]
    assert predict_test.main([*files, str(tmp_path / "submission.zip"), *ranking]) == 2
    assert "no network to evaluate or to predict with" in capsys.readouterr().err


def test_status_reads_scores_as_the_study_calls_them_now(tmp_path):
    plan = program_study(tmp_path)
    status = status_of(plan, SegmentStore(tmp_path / "segments"), tmp_path / "logs")
    assert (status.runs_done, status.cells_done, status.repeated) == (8, 4, 0)
    settings = {"optimizer.lr": 1e-2, "batch_size": 8}
    assert status.best[0][0] == pytest.approx(max(score(settings, seed) for seed in (0, 1)))


def test_a_decision_without_the_metrics_column_names_what_there_is(tmp_path):
    plan = program_study(tmp_path, metric="val/iou_mean")
    with pytest.raises(InputError, match=r"val/iou_mean is not measured.*train/loss.*results\.columns"):
        scored_cells(plan, SegmentStore(tmp_path / "segments"))


def test_decisions_see_the_programs_scores(tmp_path):
    program_study(tmp_path)
    plan = read_plan(tmp_path / "plan.json")
    found = scored_cells(plan, SegmentStore(tmp_path / "segments"))
    assert [round(one["score"], 2) for one in found] == [0.60, 0.61, 0.70, 0.71]
    content = plan.to_json()
    content["runs"][0]["key"] = "t0-s0"
    result = gather(
        StudyPlan.from_json(content), SegmentStore(tmp_path / "segments"), [{"key": "t0-s0", "epochs": 2}]
    )["t0-s0"]  # fmt: skip
    assert result["curve"] == pytest.approx([score(plan.cells[0].settings, 0) * epoch / EPOCHS for epoch in (1, 2)])
    assert (result["status"], result["epochs"]) == ("finished", 2)
