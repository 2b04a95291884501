"""A test split whose ground truth is hidden: predicted to the file that is handed in, scored nowhere."""

import csv
import json
import shutil
import zipfile
from pathlib import Path

import describe_data
import evaluate_run
import numpy as np
import predict_test
import prepare_data
import pytest
from PIL import Image

from segsweep.execution.segment_job import run_job
from segsweep.planning.plan_writer import PlanWriter
from segsweep.planning.planner import open_study
from tests.workspace import SMALL, Workspace

SIZE = (64, 64)
NAMES = {"train": ["a", "b", "c"], "val": ["d"], "test": ["t", "u"]}
VOC = {"reader": "voc", "classes": {0: "ground", 7: "square"}}
TASKS = {
    "multiclass": VOC,
    "multitask": VOC,
    "multilabel": {"reader": "folder", "images": "JPEGImages/{name}.jpg", "masks": {"square": "square/{name}.png"}},
    "text": {"reader": "icdar"},
}
TRAIN = {
    "multiclass": {},
    "multilabel": {"loss": {"main": {"bce": 1.0}}},
    "multitask": {
        "model": {"arch": "multitask", "encoder": "tu-lcnet_035", "options": {"det_channels": 16}},
        "loss": {"seg": {"cross_entropy": 1.0}, "det": {}},
    },
    "text": {
        "model": {"arch": "dbnet", "encoder": "tu-lcnet_035", "options": {"channels": 16}},
        "loss": {"db": {}},
    },
}
FILES = {
    "multiclass": {"t.png", "u.png"},
    "multilabel": {"square/t.png", "square/u.png"},
    "multitask": {f"results/VOC2012/Segmentation/comp6_test_cls/{name}.png" for name in "tu"}
    | {"results/VOC2012/Main/comp4_det_test_square.txt"},
    "text": {"res_t.txt", "res_u.txt"},
}


def draw(folder, labels_of_test=()):
    """A bright square in noise, in all formats at once; of the test images the labels that are named."""
    rng = np.random.default_rng(0)
    for name in ("JPEGImages", "SegmentationClass", "Annotations", "square", "gt"):
        (folder / name).mkdir(parents=True)
    (folder / "images").symlink_to("JPEGImages")
    for split, names in NAMES.items():
        (folder / f"{split}.txt").write_text("\n".join(names))
        for name in names:
            top, left = rng.integers(0, 32, 2).tolist()
            mask = np.zeros(SIZE, np.uint8)
            mask[top : top + 32, left : left + 32] = 7
            pixels = np.where(mask == 7, 220, 90)[..., None] + rng.integers(-20, 21, (*SIZE, 3))
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"JPEGImages/{name}.jpg")
            if split == "test" and name not in labels_of_test:
                continue
            Image.fromarray(mask).save(folder / f"SegmentationClass/{name}.png")
            Image.fromarray((mask == 7).astype(np.uint8)).save(folder / f"square/{name}.png")
            corners = zip(("xmin", "ymin", "xmax", "ymax"), (left + 1, top + 1, left + 32, top + 32), strict=True)
            box = "".join(f"<{tag}>{value}</{tag}>" for tag, value in corners)
            (folder / f"Annotations/{name}.xml").write_text(
                f"<annotation><object><name>square</name><bndbox>{box}</bndbox></object></annotation>"
            )
            right, bottom = left + 32, top + 32
            quad = (left, top, right, top, right, bottom, left, bottom)
            (folder / f"gt/gt_{name}.txt").write_text(",".join(map(str, quad)) + ",word\n")


@pytest.mark.parametrize("task", TASKS)
def test_what_is_hidden_is_predicted_and_scored_nowhere(task, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    workspace = Workspace(tmp_path)
    draw(tmp_path / "data/drawn")
    dataset = {"name": "drawn", "root": "drawn", "task": task, "splits": {split: f"{split}.txt" for split in NAMES}}
    workspace.write("config/datasets/drawn.yaml", dataset | TASKS[task])
    metric = "val/hmean" if task == "text" else "val/miou"
    setting = SMALL | TRAIN[task] | {"epochs": 1}
    workspace.write_study(dataset="drawn", metric=metric, train=setting, grid={"optimizer.lr": [0.005]})
    study = open_study({"study": "little"}, plans=True)
    PlanWriter(study).start()
    (data,), (segment,) = study.plan.data, study.missing()
    plan, results = "results/little/plan.json", "results/little"
    assert prepare_data.main(["--plan", plan, "--output", data]) == 0
    assert "note: no image of the split test has ground truth" in capsys.readouterr().out
    assert (
        run_job(Path(shutil.copy(plan, "plan_1.json")), segment, Path("results/segments"), device="cpu", threads=1) == 0
    )

    assert describe_data.main(["--plan", plan, "--output", results]) == 0
    with Path(results, "data.csv").open(newline="") as file:
        described = {row["split"]: row for row in csv.DictReader(file)}
    assert [described["test"][name] for name in ("images", "pixels", "void", "objects")] == ["2", "", "", ""]

    (run,) = study.plan.runs
    Path("ranking.csv").write_text(f"cell,best_run\n{run.cell},{run.run}\n")
    handed_in = ["--plan", plan, "--ranking", "ranking.csv", "--output", "submission.zip", "--device", "cpu"]
    assert predict_test.main(handed_in) == 0
    about = json.loads(Path("submission.json").read_text())
    assert (about["split"], about["images"], about["notes"]) == ("test", 2, [])
    with zipfile.ZipFile("submission.zip") as archive:
        assert set(archive.namelist()) == FILES[task]

    evaluating = ["--plan", plan, "--run", run.run, "--split", "test", "--output", "test.json", "--device", "cpu"]
    assert evaluate_run.main(evaluating) == 2
    assert "the split 'test' has no ground truth, so that nothing can be scored on it" in capsys.readouterr().err


@pytest.mark.parametrize("task", TASKS)
def test_ground_truth_of_some_test_images_is_a_mistake(task, tmp_path, capsys):
    draw(tmp_path, labels_of_test=["t"])
    dataset = {"name": "drawn", "task": task, "splits": {split: f"{split}.txt" for split in NAMES}} | TASKS[task]
    described = {"dataset": dataset, "root": str(tmp_path), "fingerprint": "f"}
    (tmp_path / "description.json").write_text(json.dumps(described))
    arguments = ["--description", str(tmp_path / "description.json"), "--output", str(tmp_path / "out")]
    assert prepare_data.main(arguments) == 2
    shown = capsys.readouterr().err
    assert "(1 problem)" in shown
    missing = {"multilabel": "square/u.png", "text": "gt/gt_u.txt"}.get(task, "SegmentationClass/u.png")
    assert f"{missing}: no such file" in shown
