"""One drawn data set, as several tools export it: all readers make the same of it."""

import pytest

from segsweep.config.dataset import parse_dataset
from segsweep.data.preparation import prepare
from tests.annotated_files import write_coco, write_cvat, write_labelme

SPLITS = {"train": ["a", "b", "c", "d"], "valid": ["e", "f"]}
FOLDERS = {"folders": {"train": "train", "val": "valid"}}
EXPORTS = {
    "coco": (write_coco, {"annotations": "{split}/_annotations.coco.json"}),
    "labelme": (write_labelme, {"annotations": "{split}/{name}.json"}),
    "cvat": (write_cvat, {"images": "images/{split}"}),
}


@pytest.mark.parametrize("task", ["multiclass", "multilabel", "multitask"])
def test_all_exports_hold_the_same_images_masks_and_boxes(tmp_path, task):
    labels = ["box", "roof"] if task == "multilabel" else ["background", "box", "roof"]
    found = {}
    for reader, (write, keys) in EXPORTS.items():
        write(tmp_path / reader, SPLITS)
        settings = {"name": "x", "reader": reader, "task": task, "classes": dict(enumerate(labels)), "splits": FOLDERS}
        manifest = prepare(parse_dataset(settings | keys), tmp_path / reader, None, tmp_path / "out", "")
        names = [one["names"] for one in manifest["splits"].values()]
        found[reader] = manifest["files"], manifest["statistics"], names
    assert found["coco"][2] == list(SPLITS.values())
    assert found["labelme"] == found["coco"]
    assert found["cvat"] == found["coco"]
