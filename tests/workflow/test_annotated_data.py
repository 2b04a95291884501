"""Exports of annotation tools, from their files to the report. What each format may hold is in the tests of readers."""

import csv

import pytest

from tests.annotated_files import LABELS, write_coco, write_labelme
from tests.workspace import SMALL, Workspace

FOLDERS = {"train": ["a", "b", "c", "d"], "valid": ["e", "f"]}
# Of each format what writes it, and the keys of its data set.
EXPORTS = {
    "coco": (
        write_coco,
        {
            "splits": {"folders": {"train": "train", "val": "valid"}},
            "annotations": "{split}/_annotations.coco.json",
        },
    ),
    "labelme": (
        write_labelme,
        {
            "splits": {"folders": {"train": "train", "val": "valid"}},
            "annotations": "{split}/{name}.json",
        },
    ),
}


@pytest.mark.parametrize("reader", EXPORTS)
def test_an_export_is_trained_to_its_report(tmp_path, reader):
    write, keys = EXPORTS[reader]
    workspace = Workspace(tmp_path)
    write(tmp_path / "data/export", FOLDERS)
    dataset = {"name": "export", "reader": reader, "root": "export", "classes": dict(enumerate(("none", *LABELS)))}
    workspace.write("config/datasets/export.yaml", dataset | {"unannotated": "none"} | keys)
    workspace.write_study(dataset="export", grid={"optimizer.lr": [1e-3]}, train=SMALL | {"epochs": 1})
    workspace.snakemake()
    with (tmp_path / "results/little/data_classes.csv").open(encoding="utf-8") as file:
        pixels = {(row["split"], row["class"]): int(row["pixels"]) for row in csv.DictReader(file)}
    assert pixels["train", "box"] == 4 * 14 * 12  # a rectangle of 14 by 12 pixels on each image
    assert pixels["val", "box"] == 2 * 14 * 12
    assert all(pixels.values())
    report = (tmp_path / "results/little/report.md").read_text(encoding="utf-8")
    assert "| `roof` |" in report
    assert workspace.would_train() == []
