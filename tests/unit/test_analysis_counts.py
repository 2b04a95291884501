"""Scores of epochs and images from what segments counted, also by a metric that is added later."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest

from segsweep.store.checkpoints import write_arrays
from segsweep.store.segment_store import SegmentStore
from tests.segments import write_segment
from tests.workspace import Workspace

CLASSES = {0: "background", 1: "one", 2: "two"}
DATASET = {"name": "tiny", "reader": "folder", "task": "multiclass", "classes": CLASSES}
FIRST, SECOND = f"{'a' * 16}-0002", f"{'a' * 16}-0003"
METRIC = '''"""Share of the pixels of the most frequent class."""

from typing import ClassVar

import numpy as np

from segsweep.config.components import Metric


class MostFrequent(Metric):
    """Share of the pixels of the most frequent class."""

    title: ClassVar[str] = "Most frequent class"
    tasks: ClassVar[tuple[str, ...]] = ("multiclass",)


def compute(counts, classes):
    pixels = np.asarray(counts["confusion"]).sum(-1)
    return {"most_frequent": pixels.max(-1) / pixels.sum(-1)}
'''


def confusion(right: int) -> list[list[int]]:
    """Ten pixels of each of two classes, of which `right` are right; the third class is nowhere."""
    return [[right, 10 - right, 0], [10 - right, right, 0], [0, 0, 0]]


def write_counts(store: SegmentStore, segment: str, first: int, rights: list[int], kept: int | None, **fields) -> None:
    """A complete segment that counted its epochs, and images at the epoch that it kept."""
    folder = write_segment(store.root, segment, first_epoch=first, **fields)
    rows = [f"{first + i},0.1,{1 / right}" for i, right in enumerate(rights)]
    (folder / "epochs.csv").write_text("\n".join(["epoch,lr,val/loss", *rows]) + "\n")
    write_arrays(store.counts(segment), {"confusion": np.array([confusion(right) for right in rights])})
    if kept:
        images = {"names": np.array(["x", "y"]), "confusion": np.array([confusion(10), confusion(5)])}
        write_arrays(store.image_counts(segment, kept), images)


@pytest.fixture
def collected(tmp_path):
    """Collects a run of two segments in a copy of the project; gives the rows of a table."""
    workspace = Workspace(tmp_path)
    store = SegmentStore(tmp_path / "results" / "segments")
    write_counts(store, FIRST, 1, [5, 9], 2)
    write_counts(store, SECOND, 3, [8], None, parent=FIRST)
    run = {"run": "c1-s0", "cell": "c1", "seed": 0, "role": "grid", "epochs": 3, "segments": [FIRST, SECOND]}
    cell = {"cell": "c1", "label": "the one setting", "role": "grid", "settings": {}}
    plan = {"study": {"metric": "val/miou", "minimize": False}, "name": "little", "dataset": DATASET, "axes": []}
    (tmp_path / "plan.json").write_text(json.dumps(plan | {"cells": [cell], "runs": [run], "segments": {}}))

    def collect(table: str) -> list[dict[str, str]]:
        command = [sys.executable, "workflow/scripts/collect_results.py", "--plan", "plan.json", "--output", "tables"]
        subprocess.run(command, cwd=tmp_path, env=workspace.environment(), check=True, capture_output=True)
        with (tmp_path / "tables" / table).open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    return workspace, collect


def test_scores_are_computed_from_counts_and_a_metric_may_be_added_later(collected):
    workspace, collect = collected
    epochs = collect("epochs.csv")
    assert [float(row["val/pixel_accuracy"]) for row in epochs] == [0.5, 0.9, 0.8]
    assert [float(row["val/miou"]) for row in epochs] == pytest.approx([1 / 3, 9 / 11, 8 / 12])
    assert "val/most_frequent" not in epochs[0]
    workspace.folder.joinpath("workflow/scripts/segsweep/metrics/most_frequent.py").write_text(METRIC)
    epochs = collect("epochs.csv")
    assert [float(row["val/most_frequent"]) for row in epochs] == [0.5, 0.5, 0.5]
    (run,) = collect("runs.csv")
    assert (run["best_epoch"], float(run["val/most_frequent"])) == ("2", 0.5)
    images = collect("images.csv")
    assert [(row["image"], float(row["most_frequent"]), float(row["pixel_accuracy"])) for row in images] == [
        ("x", 0.5, 1.0),
        ("y", 0.5, 0.5),
    ]
