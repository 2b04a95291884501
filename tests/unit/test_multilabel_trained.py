"""Several labels a pixel, from files of each label to tables, a report and a submission, trained for real."""

import io
import json
import zipfile

import evaluate_run as evaluate_program
import numpy as np
import pytest
from PIL import Image

from segsweep.analysis.data_tables import class_rows, split_rows
from segsweep.config.load import Request
from segsweep.data.prepared import Prepared
from segsweep.errors import InputError
from segsweep.io import read_csv
from segsweep.planning.planner import planned
from tests.unit.test_inference_trained import run_programs
from tests.workspace import SMALL, Workspace

SPLITS = {"train": 6, "val": 3, "test": 3}
SIZE, VOID = (64, 96), 128
LABELS = ["square", "bar"]


def draw(folder, rng):
    """Images of a bright square and a dark bar that may lie across it, a mask of each, and a void margin."""
    for name in ("images", *LABELS):
        (folder / name).mkdir(parents=True)
    for split, count in SPLITS.items():
        names = [f"{split}_{i}" for i in range(count)]
        (folder / f"{split}.txt").write_text("\n".join(names) + "\n")
        for name in names:
            pixels = np.full(SIZE, 120.0)
            for label, (height, width), change in ((LABELS[0], (30, 30), 70), (LABELS[1], (16, 60), -50)):
                top, left = rng.integers(2, SIZE[0] - height), rng.integers(0, SIZE[1] - width)
                mask = np.zeros(SIZE, np.uint8)
                mask[top : top + height, left : left + width] = 255
                mask[:2] = VOID
                pixels[mask == 255] += change
                Image.fromarray(mask).save(folder / label / f"{name}.png")
            pixels = np.repeat((pixels + rng.integers(-10, 11, SIZE)).astype(np.uint8)[..., None], 3, axis=2)
            Image.fromarray(pixels).save(folder / "images" / f"{name}.png")


def write(folder, data, **changes):
    """A study of one cell whose two folds vote."""
    workspace = Workspace(folder)
    draw(folder / "data" / "drawn", np.random.default_rng(0))
    dataset = {"name": "drawn", "reader": "folder", "root": "drawn", "task": "multilabel", "void": [VOID]}
    dataset |= {"images": "images/{name}.png", "masks": {label: f"{label}/{{name}}.png" for label in LABELS}}
    workspace.write("config/datasets/drawn.yaml", dataset | {"splits": {split: f"{split}.txt" for split in SPLITS}})
    loss = {"main": {"bce": 1.0, "dice": 1.0}}
    workspace.write_study(
        dataset="drawn",
        train=SMALL | {"data": data, "loss": loss, "epochs": 12, "optimizer": {"name": "adam", "lr": 5e-3}} | changes,
        grid={"optimizer.lr": [0.005]},
        ensemble={"folds": 2, "method": "vote", "min_votes": 1},
        also_report=["val/dice"],
    )


@pytest.fixture(scope="module", params=["images", "patches"])
def trained(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    cut = {"patches": {"size": 64, "overlap": 32, "page_size": None}}
    write(folder, cut if request.param == "patches" else {"image_size": list(SIZE)})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_programs()
    return folder


def rows(folder, name):
    return read_csv(folder / "results" / "little" / name)


def true_masks(folder, name):
    """int (C, H, W) as they were drawn."""
    return np.stack([np.asarray(Image.open(folder / "data" / "drawn" / label / f"{name}.png")) for label in LABELS])


def test_data_are_described_by_label(trained):
    masks = [true_masks(trained, f"train_{i}") for i in range(SPLITS["train"])]
    pixels = np.sum([(one == 255).sum((1, 2)) for one in masks], axis=0)
    scored = sum((one[0] != VOID).sum() for one in masks)
    prepared = Prepared.open(next((trained / "results/data").glob("drawn-*")), LABELS)
    of_labels = [row for row in class_rows([prepared]) if row["split"] == "train"]
    assert [row["pixels"] for row in of_labels] == pixels.tolist() == prepared.pixel_counts.tolist()
    assert [row["share"] for row in of_labels] == (pixels / scored).tolist()
    assert [row["images"] for row in of_labels] == [SPLITS["train"]] * 2
    (of_split,) = (row for row in split_rows([prepared]) if row["split"] == "train")
    assert of_split["pixels"] == scored
    assert of_split["void"] == pytest.approx(2 / SIZE[0])


def test_scores_are_those_of_the_files_handed_in(trained):
    """An independent count, of the PNG files of each label and those that were drawn."""
    hit, either = np.zeros(2), np.zeros(2)
    with zipfile.ZipFile(trained / "results/little/submission.zip") as archive:
        assert len(archive.namelist()) == 2 * SPLITS["test"]
        for i in range(SPLITS["test"]):
            truth = true_masks(trained, f"test_{i}")
            said = np.stack(
                [np.asarray(Image.open(io.BytesIO(archive.read(f"{label}/test_{i}.png")))) for label in LABELS]
            )
            assert set(np.unique(said)) <= {0, 255}
            valid = truth != VOID
            hit += ((truth == 255) & (said == 255) & valid).sum((1, 2))
            either += (((truth == 255) | (said == 255)) & valid).sum((1, 2))
    vote, *_ = rows(trained, "ensemble.csv")
    assert float(vote["test/miou"]) == pytest.approx((hit / either).mean(), abs=1e-6)
    assert float(vote["test/miou"]) > 0.3  # it learns


def test_tables_and_report_are_of_labels(trained):
    scores = rows(trained, "class_scores.csv")
    assert [row["class"] for row in scores] == LABELS
    counted = rows(trained, "confusions.csv")
    runs = [row for row in rows(trained, "runs.csv") if row["role"] != "ensemble"]
    for row in scores:
        assert float(row["best"]) == pytest.approx(np.mean([float(run[f"val/iou/{row['class']}"]) for run in runs]))
        label, without = row["class"], f"not {row['class']}"
        tp, fn, fp = (
            sum(int(one["pixels"]) for one in counted if (one["class"], one["predicted"]) == pair)
            for pair in ((label, label), (label, without), (without, label))
        )
        assert float(row["recall"]) == pytest.approx(tp / (tp + fn), abs=1e-6)
        assert float(row["precision"]) == pytest.approx(tp / (tp + fp), abs=1e-6)
        assert row["confused_with"] == ""
    assert rows(trained, "confusion.csv") == []
    report = (trained / "results/little/report.md").read_text(encoding="utf-8")
    assert "Results by class" in report
    assert "taken for" not in report


def test_boundaries_of_labels_through_evaluate_run(trained, monkeypatch):
    monkeypatch.chdir(trained)
    run = rows(trained, "runs.csv")[0]["run"]
    output = trained / "evaluated.json"
    options = ["--plan", "results/little/plan.json", "--run", run, "--split", "test", "--output", str(output)]
    assert evaluate_program.main([*options, "--device", "cpu"]) == 0
    found = json.loads(output.read_text())
    assert found["images"] == len(found["of_images"]) == SPLITS["test"]
    for name in ("hd95", "surface_dice", "boundary_iou"):
        of_labels = [found["scores"][f"test/{name}/{label}"] for label in LABELS]
        assert found["scores"][f"test/{name}"] == pytest.approx(np.mean(of_labels))
        for label, value in zip(LABELS, of_labels, strict=True):
            images = [row[f"{name}/{label}"] for row in found["of_images"]]
            assert value == pytest.approx(np.mean([one for one in images if one is not None]))


def test_a_loss_of_one_class_a_pixel_is_refused_before_the_first_job(tmp_path, monkeypatch):
    write(tmp_path, {}, loss={"main": {"cross_entropy": 1.0}})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        planned(Request(study="little"))
    assert "little.yaml" in str(caught.value)
    assert "loss.main.cross_entropy: for data sets of the task binary or multiclass or multitask" in str(caught.value)
