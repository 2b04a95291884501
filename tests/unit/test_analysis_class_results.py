"""Results by class and of the data, against counts added up by hand; and what the report says of them."""

import csv
import json

import analyze_study
import build_report
import collect_results
import describe_data
import numpy as np
import pytest
import verify_report

from segsweep.analysis.confusions import confusion_rows
from segsweep.planning.plan_file import StudyPlan
from segsweep.store.checkpoints import write_arrays
from segsweep.store.segment_store import SegmentStore
from tests.segments import write_segment
from tests.synthetic_files import write_prepared

CLASSES = {0: "floor, flooring", 1: "7", 2: "lamp"}
# Of 100 pixels: two runs of the better setting, at their first and second epoch; rows are the ground truth.
BEST = [[[60, 10, 0], [2, 18, 0], [4, 0, 6]], [[66, 4, 0], [0, 20, 0], [5, 1, 4]]]
OTHER = [[40, 30, 0], [10, 10, 0], [10, 0, 0]]


def rows_of(path):
    """Rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_run(store, segment, confusions):
    """A segment whose epochs counted these."""
    folder = write_segment(store.root, segment)
    lines = "".join(f"{i},0.1,1.5,1.0\n" for i in range(1, len(confusions) + 1))
    (folder / "epochs.csv").write_text(f"epoch,lr,train/loss,val/loss\n{lines}")
    write_arrays(store.counts(segment), {"confusion": np.array(confusions)})


def write_study(folder, task="multiclass", classes=None, metric="val/miou", **dataset):
    """plan.json of two settings with two seeds, and a store with what they counted; the second run of each is better
    in its second epoch.
    """
    store = SegmentStore(folder / "segments")
    cells, runs = [], []
    for i, confusions in enumerate([BEST, [OTHER, OTHER]]):
        cells.append({"cell": f"c{i}", "label": f"lr={i + 1}", "role": "grid", "settings": {"optimizer.lr": i + 1}})
        for seed in (0, 1):
            segment = f"{2 * i + seed:016x}-0002"
            epochs = [confusions[0], OTHER] if seed == 0 else [OTHER, confusions[1]]
            write_run(store, segment, np.array(epochs)[:, : len(classes or CLASSES), : len(classes or CLASSES)])
            runs.append(
                {"run": f"c{i}-s{seed}", "cell": f"c{i}", "seed": seed, "role": "grid", "epochs": 2,
                 "segments": [segment]}
            )  # fmt: skip
    data = {"name": "tiny", "reader": "folder", "task": task, "classes": classes or CLASSES} | dataset
    study = {"metric": metric, "minimize": False, "name": "little", "seeds": [0, 1], "train": {}}
    plan = {"study": study, "name": "little", "dataset": data, "axes": ["optimizer.lr"], "cells": cells, "runs": runs}
    (folder / "plan.json").write_text(json.dumps(plan | {"segments": {}}))
    return StudyPlan.from_json(plan | {"segments": {}}), store


def reported(folder):
    """Collect, analyze and report; the text of the report, which its sources bear out."""
    results = ["--results", str(folder)]
    assert collect_results.main(
        ["--plan", str(folder / "plan.json"), "--store", str(folder / "segments"), "--output", str(folder)]
    ) == 0  # fmt: skip
    assert analyze_study.main(results) == 0
    assert build_report.main([*results, "--output", str(folder)]) == 0
    assert verify_report.main(results) == 0
    return (folder / "report.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The study of three classes, reported: folder, text."""
    folder = tmp_path_factory.mktemp("classes")
    write_study(folder)
    return folder, reported(folder)


def test_confusions_are_summed_over_the_runs_best_epochs(study):
    folder, _ = study
    rows = rows_of(folder / "confusion.csv")
    assert {row["cell"] for row in rows} == {"c0"}
    assert [int(row["pixels"]) for row in rows] == [126, 14, 0, 2, 38, 0, 9, 1, 10]
    assert [float(row["share"]) for row in rows[6:]] == [0.45, 0.05, 0.5]
    kept = rows_of(folder / "confusions.csv")
    assert sum(int(row["pixels"]) for row in kept if row["cell"] == "c1") == 200
    assert {row["n"] for row in kept} == {"2"}


def test_scores_by_class(study):
    folder, _ = study
    floor, seven, lamp = rows_of(folder / "class_scores.csv")
    assert [row["class"] for row in (floor, seven, lamp)] == list(CLASSES.values())
    assert seven["column"] == "val/iou/7"
    assert float(lamp["best"]) == pytest.approx((6 / 10 + 4 / 10) / 2)
    assert float(lamp["all"]) == pytest.approx((0.5 + 0.0) / 2)
    assert float(floor["best"]) == pytest.approx((60 / 76 + 66 / 75) / 2)
    assert (int(lamp["pixels"]), float(lamp["share"])) == (20, 0.1)
    assert (float(lamp["recall"]), float(lamp["precision"])) == (0.5, 1.0)
    assert (lamp["confused_with"], float(lamp["confused"])) == ("floor, flooring", 0.45)
    assert (floor["confused_with"], float(floor["confused"])) == ("7", 0.1)


def test_the_report_names_the_confusion_that_weighs_most(study):
    folder, text = study
    part = text.partition("## Results by class")[2].partition("\n## ")[0]
    assert "The largest confusions: 45.0% of the pixels of `lamp` are taken for `floor, flooring`, 10.0%" in part
    assert "most are wrong where `floor, flooring` is taken for `7` (14 pixels, summed over the runs)" in part
    assert "| `lamp` | 10.0% | 0.5000 |" in part
    assert "at the best epoch of each of 2 runs" in part
    assert "figures/confusion.png" in part
    assert (folder / "figures" / "confusion.png").is_file()


def test_of_binary_data_the_foreground_is_reported(tmp_path):
    write_study(tmp_path, "binary", {0: "ground", 1: "thing"}, "val/jaccard", foreground="thing")
    text = reported(tmp_path)
    (row,) = rows_of(tmp_path / "class_scores.csv")
    assert (row["column"], row["class"]) == ("val/jaccard", "thing")
    assert float(row["best"]) == pytest.approx((18 / 30 + 20 / 24) / 2)
    assert (row["confused_with"], float(row["confused"])) == ("ground", 0.05)
    assert "5.0% of the pixels of `thing` are taken for `ground`" in text
    assert "confusion.png" not in text


def test_only_as_many_cells_as_fit_are_kept_and_confirmed_ones_first(tmp_path, monkeypatch):
    plan, store = write_study(tmp_path)
    runs = [
        {"cell": run.cell, "run": run.run, "role": "confirm" if run.cell == "c1" else "grid", "status": "finished",
         "val/miou": 0.2 if run.cell == "c1" else 0.8, "best_epoch": 1, "segments": run.segments[0]}
        for run in plan.runs
    ]  # fmt: skip
    monkeypatch.setattr("segsweep.analysis.confusions.FEWEST_CELLS", 1)
    monkeypatch.setattr("segsweep.analysis.confusions.MOST_ROWS", 9)
    assert {row["cell"] for row in confusion_rows(plan, runs, store, list(CLASSES.values()))} == {"c1"}
    for run in runs:
        run["role"] = "grid"
    assert {row["cell"] for row in confusion_rows(plan, runs, store, list(CLASSES.values()))} == {"c0"}
    runs[1]["status"] = "diverged"  # a cell with a failed run gives way to one without
    assert {row["cell"] for row in confusion_rows(plan, runs, store, list(CLASSES.values()))} == {"c1"}


def test_without_counts_there_is_no_confusion(tmp_path):
    _, store = write_study(tmp_path)
    for path in store.root.glob("*/counts.npz"):
        rows = "1,0.1,1.5,1.0,0.5\n2,0.1,1.5,1.0,0.6\n"
        path.with_name("epochs.csv").write_text(f"epoch,lr,train/loss,val/loss,val/miou\n{rows}")
        path.unlink()
    text = reported(tmp_path)
    assert rows_of(tmp_path / "confusion.csv") == rows_of(tmp_path / "class_scores.csv") == []
    assert "## Results by class" not in text


def test_data_by_split_and_class(tmp_path, monkeypatch):
    plan, _ = write_study(tmp_path)
    write_prepared(tmp_path / "results" / "data" / "tiny-1")
    content = plan.to_json() | {"data": ["results/data/tiny-1"]}
    (tmp_path / "plan.json").write_text(json.dumps(content))
    monkeypatch.chdir(tmp_path)
    assert describe_data.main(["--plan", "plan.json", "--output", "."]) == 0
    train, val = rows_of(tmp_path / "data.csv")
    assert [train[name] for name in ("data", "split", "images", "patches", "pixels", "objects")] == [
        "tiny-1", "train", "3", "", "36", "",
    ]  # fmt: skip
    assert [train[name] for name in ("height_min", "height_max", "width_min", "width_max")] == ["3", "3", "4", "5"]
    assert float(train["void"]) == pytest.approx(3 / 39)
    assert float(val["void"]) == 0
    classes = rows_of(tmp_path / "data_classes.csv")
    assert [(row["class"], row["pixels"], row["images"]) for row in classes[:3]] == [
        ("floor, flooring", "30", "3"), ("7", "2", "1"), ("lamp", "4", "1"),
    ]  # fmt: skip
    assert float(classes[0]["share"]) == pytest.approx(30 / 36)
    text = reported(tmp_path)
    part = text.partition("## Data")[2].partition("\n## ")[0]
    assert "| train | 3 | 3 × 4 to 5 | 36 | 7.7% |" in part
    assert "83.3% are `floor, flooring`, the most frequent class, and 5.6% are `7`, the rarest" in part
    assert "No pixel of the validation split is of the class `lamp`." in part


def test_what_is_odd_of_the_data_is_in_the_report(tmp_path, monkeypatch):
    plan, _ = write_study(tmp_path)
    folder = tmp_path / "results" / "data" / "tiny-4"
    write_prepared(folder, warnings=["nearly the same image in train and val (1): a = d"], groups=["x", "x", "y"])
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest |= {"channels": 5, "dtype": "uint16", "scale": 4095}
    manifest["splits"]["test"] = manifest["splits"]["val"] | {"labeled": False}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "test.index.npz").write_bytes((folder / "val.index.npz").read_bytes())
    (tmp_path / "plan.json").write_text(json.dumps(plan.to_json() | {"data": ["results/data/tiny-4"]}))
    monkeypatch.chdir(tmp_path)
    assert describe_data.main(["--plan", "plan.json", "--output", "."]) == 0
    rows = rows_of(tmp_path / "data.csv")
    assert [(row["split"], row["labeled"], row["groups"], row["pixels"]) for row in rows] == [
        ("train", "True", "2", "36"), ("val", "True", "", "12"), ("test", "False", "", ""),
    ]  # fmt: skip
    assert {row["split"] for row in rows_of(tmp_path / "data_classes.csv")} == {"train", "val"}
    part = reported(tmp_path).partition("## Data")[2].partition("\n## ")[0]
    assert "Images have 5 channels (uint16); networks see their values divided by 4,095." in part
    assert "groups, none of which lies in two splits or folds: 2 in the training split." in part
    assert "The ground truth of test is not known: what is predicted of these images is scored nowhere." in part
    assert "The preparation of the data found:\n\n- Nearly the same image in train and val (1): a = d." in part


def test_pages_are_described_and_not_their_patches(tmp_path, monkeypatch):
    plan, _ = write_study(tmp_path)
    page = {"page": "p", "y": 0, "x": 0, "height": 6, "width": 8}
    pages = [page, page | {"x": 4}, page | {"page": "q", "height": 3, "width": 4}]
    for folder in ("tiny-2", "tiny-3"):  # prepared for two levels of an axis
        write_prepared(tmp_path / "results" / "data" / folder, pages, [1.5, 2.25])
    content = plan.to_json() | {"data": ["results/data/tiny-2", "results/data/tiny-3"]}
    content["study"]["train"] = {"data": {"train_subset": 2, "val_subset": 50}}
    (tmp_path / "plan.json").write_text(json.dumps(content))
    monkeypatch.chdir(tmp_path)
    assert describe_data.main(["--plan", "plan.json", "--output", "."]) == 0
    train, val = rows_of(tmp_path / "data.csv")[:2]
    names = ("images", "patches", "enlarged", "enlarged_most")
    assert [train[name] for name in names] == ["2", "3", "2", "2.25"]
    assert [val[name] for name in names] == ["1", "", "", ""]
    assert float(train["void"]) == pytest.approx(1 - 36 / (6 * 8 + 3 * 4))
    classes = rows_of(tmp_path / "data_classes.csv")
    assert [(row["class"], row["images"]) for row in classes[:3]] == [
        ("floor, flooring", "2"),
        ("7", "1"),
        ("lamp", "1"),
    ]
    part = reported(tmp_path).partition("## Data")[2].partition("\n## ")[0]
    assert "Each run trains on 2 patches of these, drawn by its seed." in part
    assert "scores are of whole images, stitched from what is predicted of their patches." in part
    assert part.count("2 images of the training split, up to 2.2 times. `page_size: null` keeps their own scale.") == 1
    assert "| Class | Training pixels | Training images |" in part
