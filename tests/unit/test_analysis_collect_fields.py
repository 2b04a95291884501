"""Collecting: what is written is what is read back, whatever is in a field; why runs ended."""

import csv
import json
import math

import numpy as np
import pytest

from segsweep.analysis.collect import collect, write
from segsweep.analysis.curves import Curve, read_curve, write_curves
from segsweep.analysis.study_results import open_results
from segsweep.planning.plan_file import StudyPlan
from segsweep.store.checkpoints import write_arrays
from segsweep.store.segment_store import SegmentStore
from tests.segments import write_segment

CLASSES = {0: "floor, flooring", 1: 'the "wall"', 2: "nowhere"}
DATASET = {"name": "tiny", "reader": "folder", "task": "multiclass", "classes": CLASSES}
SEGMENT = f"{'a' * 16}-0002"


def rows_of(path):
    """Rows of a CSV file, each with as many fields as the header."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert not any(None in row or None in row.values() for row in rows)
    return rows


def plan_of(*runs, **keys):
    """A study with a cell and a run for each segment."""
    content = {"study": {"metric": "val/miou", "minimize": False, "name": "little"}, "name": "little", "axes": []}
    cells = [{"cell": f"c{i}", "label": f"setting {i}", "role": "grid", "settings": {}} for i in range(len(runs))]
    rows = [
        {"run": f"c{i}-s0", "cell": f"c{i}", "seed": 0, "role": "grid", "epochs": 2, "segments": [segment]}
        for i, segment in enumerate(runs)
    ]
    return StudyPlan.from_json(content | {"dataset": DATASET, "cells": cells, "runs": rows, "segments": {}} | keys)


def write_trained(store, segment, losses=(0.5, 0.25), images=True, **fields):
    """A segment of two epochs: 8 of 10 pixels right, then 9; the third class is nowhere."""
    folder = write_segment(store.root, segment, **fields)
    rows = "".join(f"{i},0.1,{loss}\n" for i, loss in enumerate(losses, 1))
    (folder / "epochs.csv").write_text(f"epoch,lr,val/loss\n{rows}")
    confusion = np.array([[[4, 1, 0], [1, 4, 0], [0, 0, 0]], [[5, 0, 0], [1, 4, 0], [0, 0, 0]]])
    write_arrays(store.counts(segment), {"confusion": confusion})
    if images:  # the second image is void all over
        each = np.array([confusion[1], np.zeros((3, 3), int)])
        write_arrays(store.image_counts(segment, 2), {"names": np.array(["a, b", "void"]), "confusion": each})


def test_every_table_reads_back_as_it_was_written(tmp_path):
    store = SegmentStore(tmp_path / "segments")
    write_trained(store, SEGMENT)
    plan = plan_of(SEGMENT)
    write(collect(plan, store), tmp_path)
    columns = [f"val/iou/{name}" for name in CLASSES.values()]
    epochs = rows_of(tmp_path / "epochs.csv")
    assert [float(row[columns[0]]) for row in epochs] == pytest.approx([4 / 6, 5 / 6])
    assert [float(row[columns[1]]) for row in epochs] == pytest.approx([4 / 6, 4 / 5])
    assert [row[columns[2]] for row in epochs] == ["", ""]  # a class that is nowhere has no score
    (run,) = rows_of(tmp_path / "runs.csv")
    assert float(run[columns[0]]) == pytest.approx(5 / 6)
    images = rows_of(tmp_path / "images.csv")
    assert [row["image"] for row in images] == ["a, b", "void"]
    assert float(images[0]["miou"]) == pytest.approx((5 / 6 + 4 / 5) / 2)
    assert {images[1][name] for name in images[1] if name not in ("run", "cell", "image")} == {""}


def test_an_image_without_a_score_is_a_gap_for_the_analysis(tmp_path):
    store = SegmentStore(tmp_path / "segments")
    write_trained(store, SEGMENT)
    plan = plan_of(SEGMENT)
    (tmp_path / "plan.json").write_text(json.dumps(plan.to_json()))
    write(collect(plan, store), tmp_path)
    scores = open_results(tmp_path).images["miou"]
    assert scores.dtype == float
    assert [math.isnan(score) for score in scores] == [False, True]


def test_losses_that_are_not_finite_are_empty_fields(tmp_path):
    store = SegmentStore(tmp_path / "segments")
    write_trained(store, SEGMENT, losses=("nan", "-inf"))
    write(collect(plan_of(SEGMENT), store), tmp_path)
    assert [row["val/loss"] for row in rows_of(tmp_path / "epochs.csv")] == ["", ""]
    assert rows_of(tmp_path / "runs.csv")[0]["val/loss"] == ""


def test_the_metric_has_a_column_though_all_runs_diverged_and_their_reasons_are_written(tmp_path):
    store = SegmentStore(tmp_path / "segments")
    folder = write_segment(store.root, SEGMENT, status="diverged", epochs=0, detail="val/loss nan\nin epoch 1")
    (folder / "epochs.csv").write_text("epoch,lr,val/loss\n")
    write(collect(plan_of(SEGMENT), store), tmp_path)
    (run,) = rows_of(tmp_path / "runs.csv")
    assert (run["status"], run["val/miou"], run["detail"]) == ("diverged", "", "val/loss nan in epoch 1")


def test_a_run_that_ended_as_planned_has_no_reason(tmp_path):
    store = SegmentStore(tmp_path / "segments")
    write_trained(store, SEGMENT, detail="resumed once")
    write(collect(plan_of(SEGMENT), store), tmp_path)
    assert rows_of(tmp_path / "runs.csv")[0]["detail"] == ""


def test_a_missing_run_says_the_last_error_of_its_last_log(tmp_path):
    store = SegmentStore(tmp_path / "results" / "segments")
    write_trained(store, SEGMENT)
    missing = f"{'b' * 16}-0002"
    logs = tmp_path / "results" / "logs" / "train_segment"
    logs.mkdir(parents=True)
    (logs / f"{missing}.20260101-1.log").write_text("KeyError: 'old'\n")
    (logs / f"{missing}.20260102-1.log").write_text(
        "epoch 1\nTraceback\ntorch.cuda.OutOfMemoryError: CUDA, 2 GB\nend\n"
    )
    found = collect(plan_of(SEGMENT, missing), store, partial=True)
    assert found.missing[0]["detail"] == (
        "not trained yet; its last start ended with torch.cuda.OutOfMemoryError: CUDA, 2 GB"
    )


@pytest.mark.parametrize("field", ["plain", "a, b", 'a "b"', "two\nlines", ""])
def test_curves_keep_any_field(tmp_path, field):
    path = tmp_path / "one.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([["epoch", field or "x", "note"], ["1", "2", field]])
    one, other = read_curve(path), Curve(["epoch", "more"], ["1,5"], [["1", "5"]])
    write_curves(tmp_path / "all.csv", ["run", "cell", "epoch", "more", field or "x", "note"], [
        ("r, 1", "c", one), ("r2", "c", other),
    ])  # fmt: skip
    first, second = rows_of(tmp_path / "all.csv")
    assert list(first.values()) == ["r, 1", "c", "1", "", "2", field]
    assert list(second.values()) == ["r2", "c", "1", "5", "", ""]
