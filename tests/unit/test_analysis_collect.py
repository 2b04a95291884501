"""Collecting: from what training left in the store to tables."""

import csv
import json
import math
import statistics

import collect_results
import numpy as np
import pytest

from segsweep.analysis.collect import collect, write
from segsweep.analysis.curve_numbers import index_of_best, sample_std
from segsweep.errors import InputError
from segsweep.io import write_csv
from segsweep.planning.plan_file import StudyPlan
from segsweep.store.segment_store import SegmentStore
from tests.synthetic_files import curve, write_store
from tests.synthetic_results import draw_study

METRIC = "val/accuracy"
AXES = {"optimizer.lr": [1e-4, 1e-3], "model.arch": ["unet", "fpn"]}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A study of eight runs with ten epochs, each in two segments, two of them not finished."""
    folder = tmp_path_factory.mktemp("drawn")
    truth = draw_study(axes=AXES, seeds=(0, 1), epochs=10, diverged=1, oom=1, draw=3)
    write_store(folder / "store", truth, cut=4)
    return truth, folder


def rows_of(path):
    """Rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_curve_is_put_together_and_its_best_epoch_found(drawn, tmp_path):
    truth, folder = drawn
    write(collect(StudyPlan.from_json(truth.plan), SegmentStore(folder / "store")), tmp_path)
    rows = {row["run"]: row for row in rows_of(tmp_path / "runs.csv")}
    assert list(rows) == [row["run"] for row in truth.runs]
    epochs = rows_of(tmp_path / "epochs.csv")
    for drawn_row in truth.runs:
        lines, row = curve(drawn_row, "val/jaccard"), rows[drawn_row["run"]]
        own = [line for line in epochs if line["run"] == drawn_row["run"]]
        assert [int(line["epoch"]) for line in own] == [line["epoch"] for line in lines]
        best = max(lines, key=lambda line: line["val/jaccard"])
        assert int(row["best_epoch"]) == int(row["convergence/epochs_to_best"]) == best["epoch"]
        assert float(row["val/jaccard"]) == best["val/jaccard"]
        assert float(row["val/loss"]) == best["val/loss"]
        assert float(row["overfit/gap"]) == pytest.approx(best["val/loss"] - best["train/loss"])
        late = [line["val/loss"] for line in lines[len(lines) // 2 :]]
        assert float(row["stability/val_loss_std"]) == pytest.approx(statistics.stdev(late))
        assert float(row["cost/train_seconds"]) == 2.0 * len(lines)
        assert float(row["cost/seconds_per_epoch"]) == 2.0
        assert len(row["segments"].split()) == (2 if len(lines) > 4 else 1)


def test_settings_are_columns_and_statuses_are_kept(drawn, tmp_path):
    truth, folder = drawn
    write(collect(StudyPlan.from_json(truth.plan), SegmentStore(folder / "store")), tmp_path)
    rows = rows_of(tmp_path / "runs.csv")
    assert {row["optimizer.lr"] for row in rows} == {"1e-4", "1e-3"}
    assert [row["status"] for row in rows] == [row["status"] for row in truth.runs]
    assert sorted(row["status"] for row in rows).count("finished") == 6
    assert [row["model.arch"] for row in rows_of(tmp_path / "cells.csv")] == ["unet", "fpn", "unet", "fpn"]


def test_missing_runs_are_listed_and_refused_unless_partial(drawn, tmp_path, capsys):
    truth, folder = drawn
    plan = json.loads(json.dumps(truth.plan))
    whole = next(run for run in plan["runs"] if len(run["segments"]) == 2)
    whole["segments"][1] = "0" * 16 + "-0010"
    plan["runs"].append({**whole, "run": "never", "segments": ["1" * 16 + "-0010"]})
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    arguments = ["--plan", str(tmp_path / "plan.json"), "--store", str(folder / "store"), "--output", str(tmp_path)]
    assert collect_results.main(arguments) == 2
    said = capsys.readouterr().err
    assert "2 of 9 runs are not there" in said
    assert "trained to epoch 4 of 10" in said
    assert collect_results.main([*arguments, "--partial"]) == 0
    missing = {row["run"]: row for row in rows_of(tmp_path / "missing.csv")}
    assert missing["never"]["detail"] == "not trained yet"
    assert missing[whole["run"]]["have"] == "1"
    assert whole["run"] not in {row["run"] for row in rows_of(tmp_path / "runs.csv")}


def test_a_run_that_was_to_be_extended_was_pruned(drawn):
    truth, folder = drawn
    plan = json.loads(json.dumps(truth.plan))
    plan["runs"] = [next(run for run in plan["runs"] if len(run["segments"]) == 2)]
    plan["runs"][0]["segments"].pop()
    assert collect(StudyPlan.from_json(plan), SegmentStore(folder / "store")).runs[0]["status"] == "pruned"


def test_a_file_that_was_cut_off_is_named(drawn, tmp_path):
    truth, _ = drawn
    plan = json.loads(json.dumps(truth.plan))
    truth_again = draw_study(axes=AXES, seeds=(0, 1), epochs=10, diverged=1, oom=1, draw=3)
    write_store(tmp_path / "store", truth_again)
    plan["runs"] = truth_again.plan["runs"][:1]
    path = tmp_path / "store" / plan["runs"][0]["segments"][0] / "epochs.csv"
    path.write_text(path.read_text()[:-30])
    with pytest.raises(InputError, match=r"epochs\.csv: line \d+ has"):
        collect(StudyPlan.from_json(plan), SegmentStore(tmp_path / "store"))


def test_columns_that_only_some_segments_have(drawn, tmp_path):
    truth, folder = drawn
    collected = collect(StudyPlan.from_json(truth.plan), SegmentStore(folder / "store"))
    run, _, other = collected.curves[0]
    other.header = [*other.header, "train/loss_seg"]
    other.lines = [f"{line},0.5" for line in other.lines]
    write(collected, tmp_path)
    rows = rows_of(tmp_path / "epochs.csv")
    assert {row["train/loss_seg"] for row in rows if row["run"] == run} == {"0.5"}
    assert {row["train/loss_seg"] for row in rows if row["run"] != run} == {""}


def test_index_of_best_and_sample_std_by_hand():
    assert index_of_best([0.1, 0.3, math.nan, 0.3], minimize=False) == 1
    assert index_of_best([0.1, 0.3, 0.05], minimize=True) == 2
    assert index_of_best([math.nan], minimize=True) is None
    assert sample_std([1.0, 2.0, 4.0]) == pytest.approx(math.sqrt(7 / 3))
    assert sample_std([1.0]) is None


def test_scores_are_computed_from_what_segments_counted(tmp_path):
    """A confusion matrix for each of three epochs, in two segments; images were counted at the best epoch."""
    truth = draw_study(axes={"optimizer.lr": [1e-4]}, seeds=(0,), epochs=3, metric="val/accuracy")
    write_store(tmp_path / "store", truth, cut=2)
    (run,) = truth.plan["runs"]
    confusion = np.array([[[5, 5], [5, 5]], [[9, 1], [1, 9]], [[8, 2], [2, 8]]])  # (epochs, 2, 2)
    for segment, part in zip(run["segments"], (confusion[:2], confusion[2:]), strict=True):
        folder = tmp_path / "store" / segment
        rows = [{n: v for n, v in row.items() if n != METRIC} for row in rows_of(folder / "epochs.csv")]
        write_csv(folder / "epochs.csv", rows)
        np.savez(folder / "counts.npz", confusion=part)
    images = {"names": np.array(["a", "b"]), "confusion": np.array([[[4, 1], [0, 5]], [[5, 0], [1, 4]]])}
    np.savez(tmp_path / "store" / run["segments"][0] / "images-0002.npz", **images)
    write(collect(StudyPlan.from_json(truth.plan), SegmentStore(tmp_path / "store")), tmp_path)
    (row,) = rows_of(tmp_path / "runs.csv")
    assert row["best_epoch"] == "2"
    assert float(row["val/accuracy"]) == 0.9
    assert float(row["val/miou"]) == pytest.approx(9 / 11)
    assert list(row).index("val/accuracy") < list(row).index("val/miou")
    epochs = rows_of(tmp_path / "epochs.csv")
    assert [float(epoch["val/accuracy"]) for epoch in epochs] == [0.5, 0.9, 0.8]
    assert [float(epoch["val/jaccard"]) for epoch in epochs] == pytest.approx([5 / 15, 9 / 11, 8 / 12])
    found = rows_of(tmp_path / "images.csv")
    assert [(one["run"], one["image"], float(one["accuracy"])) for one in found] == [
        (run["run"], "a", 0.9), (run["run"], "b", 0.9),
    ]  # fmt: skip


def test_a_run_that_stopped_early_keeps_its_level_of_the_epochs(tmp_path):
    """The table has one column `epochs`; of a study that varies them it is the level."""
    truth = draw_study(axes={"epochs": [4, 10], "optimizer.lr": [1e-4, 1e-3]}, seeds=(0,), epochs=3)
    write_store(tmp_path / "store", truth)
    write(collect(StudyPlan.from_json(truth.plan), SegmentStore(tmp_path / "store")), tmp_path)
    header = (tmp_path / "runs.csv").read_text(encoding="utf-8").partition("\n")[0].split(",")
    assert header.count("epochs") == 1
    assert [row["epochs"] for row in rows_of(tmp_path / "runs.csv")] == ["4", "4", "10", "10"]
