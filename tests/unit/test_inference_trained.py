"""Folds trained for real, up to an ensemble's scores and a submission, for masks and for masks with boxes.

The programs of the rules are called one after the other in this process: importing their libraries takes longer than
all they do here.
"""

import csv
import io
import json
import os
import re
import shutil
import signal
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import analyze_study
import build_report
import collect_results
import decide_step
import evaluate_run as evaluate_program
import export_model
import numpy as np
import predict_images
import predict_test
import prepare_data
import pytest
import score_ensemble
import score_test
import torch
from PIL import Image

import segsweep
from segsweep import metrics
from segsweep.config.train import Train
from segsweep.data.classes import class_names
from segsweep.data.prepared import Prepared
from segsweep.data.splits import images_of_run
from segsweep.detection.counts import BoxCounter
from segsweep.errors import InputError
from segsweep.execution.segment_job import run_job
from segsweep.inference.chosen_models import ChosenModels
from segsweep.inference.evaluate_run import evaluate_run
from segsweep.inference.image_predictor import ImagePredictor
from segsweep.inference.prediction_journal import PredictionJournal
from segsweep.inference.predictor import Predictor, ground_truth_of, units
from segsweep.inference.trained_model import load_model
from segsweep.io import read_csv
from segsweep.model_export.onnx_file import OnnxNetwork
from segsweep.planning.plan_file import read_plan
from segsweep.planning.plan_writer import PlanWriter
from segsweep.planning.planner import open_study
from segsweep.report.verify import verify
from segsweep.store.segment_store import SegmentStore, read_arrays
from tests.workspace import SMALL, Workspace

SPLITS = {"train": 6, "val": 3, "test": 3}
SIZE, HALF = (64, 96), [32, 48]  # of the files and of what networks see, which is not a multiple of 32
VALUES = {0: "ground", 7: "square", 200: "bar"}
VOID = 255


def draw(folder, rng):
    """Images of a bright square and a dark bar, with masks and boxes, as VOC lays them out; names by split."""
    for name in ("JPEGImages", "SegmentationClass", "Annotations"):
        (folder / name).mkdir(parents=True)
    names = {split: [f"{split}_{i}" for i in range(count)] for split, count in SPLITS.items()}
    for split, members in names.items():
        (folder / f"{split}.txt").write_text("\n".join(members) + "\n")
        for name in members:
            mask, boxes = np.zeros(SIZE, np.uint8), []
            for value, (height, width) in ((7, (24, 24)), (200, (12, 40))):
                top, left = rng.integers(0, SIZE[0] - height), rng.integers(0, SIZE[1] - width)
                mask[top : top + height, left : left + width] = value
                boxes.append((VALUES[value], left + 1, top + 1, left + width, top + height))
            pixels = np.select([mask == 7, mask == 200], [230, 20], 120) + rng.integers(-15, 16, SIZE)
            mask[:2] = VOID
            pixels = np.repeat(pixels.astype(np.uint8)[..., None], 3, axis=2)
            Image.fromarray(pixels).save(folder / "JPEGImages" / f"{name}.jpg", quality=95)
            Image.fromarray(mask).save(folder / "SegmentationClass" / f"{name}.png")
            annotate(folder / "Annotations" / f"{name}.xml", boxes)
    return names


def annotate(path, boxes):
    root = ElementTree.Element("annotation")
    for label, *corners in boxes:
        thing = ElementTree.SubElement(root, "object")
        ElementTree.SubElement(thing, "name").text = label
        box = ElementTree.SubElement(thing, "bndbox")
        for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True):
            ElementTree.SubElement(box, tag).text = str(value)
    ElementTree.ElementTree(root).write(path)


def train(folder, task, ensemble, test, **keys):
    """A study of one cell and its ensemble, trained to its report and its submission."""
    workspace = Workspace(folder)
    draw(folder / "data" / "drawn", np.random.default_rng(0))
    dataset = {"name": "drawn", "reader": "voc", "root": "drawn", "task": task, "classes": VALUES, "void": [VOID]}
    dataset["splits"] = {split: f"{split}.txt" for split in SPLITS}
    workspace.write("config/datasets/drawn.yaml", dataset)
    setting = SMALL | {"data": {"image_size": HALF}} | keys
    workspace.write_study(dataset="drawn", train=setting, grid={"optimizer.lr": [0.005]}, ensemble=ensemble, test=test)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_programs()
    return Made(folder)


def run_programs():
    """What Snakemake would do for a study in the working directory."""
    plan, store, results = "results/little/plan.json", "results/segments", "results/little"
    steps = ["none"]
    while True:
        study = open_study({"study": "little"}, plans=True)
        PlanWriter(study).start()
        (data,) = study.plan.data
        if len(steps) == 1:
            assert prepare_data.main(["--plan", plan, "--output", data]) == 0
        now = shutil.copy(plan, f"plan_{len(steps)}.json")  # a job remembers the plan that it has read
        for segment in study.missing():
            assert run_job(Path(now), segment, Path(store), device="cpu", threads=1) == 0
        if study.nothing_left_to_decide:
            break
        steps.append(f"{results}/sweep/step_{len(steps) - 1:03d}.json")
        step = ["--plan", plan, "--previous", steps[-2], "--store", store, "--output", steps[-1]]
        assert decide_step.main(step) == 0
    source = ["--plan", plan, "--store", store]
    assert collect_results.main([*source, "--output", results]) == 0
    assert score_ensemble.main([*source, "--output", results, "--device", "cpu"]) == 0
    assert analyze_study.main(["--results", results]) == 0
    ranked = ["--ranking", f"{results}/ranking.csv", "--device", "cpu"]
    for _ in range(2 if study.study.test else 0):  # a rerun is no new look
        assert score_test.main([*source, *ranked, "--output", results]) == 0
    assert build_report.main(["--results", results, "--output", results]) == 0
    assert predict_test.main([*source, *ranked, "--output", f"{results}/submission.zip"]) == 0


class Made:
    """What a study left behind."""

    def __init__(self, root):
        self.folder = root / "results" / "little"
        self.plan = self.json("plan.json")
        (data,) = self.plan["data"]
        self.prepared = Prepared.open(root / data, class_names(self.plan["dataset"]))
        with (self.folder / "ensemble.csv").open(newline="", encoding="utf-8") as file:
            self.rows = list(csv.DictReader(file))
        with zipfile.ZipFile(self.folder / "submission.zip") as archive:
            self.files = {name: archive.read(name) for name in archive.namelist()}

    def json(self, name):
        return json.loads((self.folder / name).read_text(encoding="utf-8"))

    def mask(self, file):
        """A mask of the submission, in the values of the data set, and as classes at half its size."""
        values = np.asarray(Image.open(io.BytesIO(self.files[file])))
        classes = np.select([values == value for value in VALUES], range(len(VALUES)), VOID)
        return values, classes[::2, ::2]

    def miou(self, masks):
        """Of masks by name, at half their size, on the test split."""
        test, hit, either = self.prepared.splits["test"], np.zeros(3), np.zeros(3)
        for i, name in enumerate(test.names):
            ground_truth, said = test.mask(i), masks[name]
            for k in range(3):
                hit[k] += ((ground_truth == k) & (said == k)).sum()
                either[k] += (((ground_truth == k) | (said == k)) & (ground_truth != VOID)).sum()
        return (hit / either).mean()


@pytest.fixture(scope="module")
def masks(tmp_path_factory):
    """Three folds that vote on masks, scored on the test split."""
    ensemble = {"folds": 3, "method": "vote", "min_votes": 2}
    return train(tmp_path_factory.mktemp("masks"), "multiclass", ensemble, {"of": "ensemble"}, epochs=6)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Two folds whose masks and boxes are averaged."""
    more = {
        "model": {"arch": "multitask", "encoder": "tu-lcnet_035", "options": {"det_channels": 16}},
        "loss": {"seg": {"cross_entropy": 1.0}, "det": {}},
        "epochs": 20,
    }
    return train(
        tmp_path_factory.mktemp("both"), "multitask", {"folds": 2, "method": "mean"}, {"of": "ensemble"}, **more
    )


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Two folds of pages, cut into patches that overlap by half, whose masks are averaged; and the best run again."""
    again = {"of": "best", "retrain": "train+val"}
    data = {"patches": {"page_size": None, "size": 32, "overlap": 16}, "val_subset": 2}
    loss = {"main": {"cross_entropy": 1.0}, "class_weights": "inverse_frequency"}
    more = {"data": data, "loss": loss, "batch_size": 16, "epochs": 2}
    return train(tmp_path_factory.mktemp("pages"), "multiclass", {"folds": 2, "method": "mean"}, again, **more)


def stitched(trained, refs):
    """Logits of whole pages by name, float64 (C, H, W), from what a model says of their patches."""
    total, weights = {}, {}
    rise = np.minimum(np.arange(32) + 1, 32 - np.arange(32))
    with torch.inference_mode():
        for batch in trained.batches(refs):
            for place, logits in zip(batch["page"], trained.forward(batch["image"]).double().numpy(), strict=True):
                y, x = place["y"], place["x"]
                whole = total.setdefault(place["page"], np.zeros((3, *SIZE)))
                weight = weights.setdefault(place["page"], np.zeros(SIZE))
                whole[:, y : y + 32, x : x + 32] += logits * np.outer(rise, rise)
                weight[y : y + 32, x : x + 32] += np.outer(rise, rise)
    return {name: whole / weights[name] for name, whole in total.items()}


def test_what_is_scored_and_drawn_of_pages_is_one_prediction(pages, monkeypatch):
    monkeypatch.chdir(pages.folder.parents[1])
    plan, store, prepared = read_plan(Path("results/little/plan.json")), SegmentStore(), pages.prepared
    run = next(run for run in plan.runs if run.role == "grid")
    predictor = Predictor(plan, run, store, prepared)
    shown = units(prepared, predictor.refs())
    assert len(shown) == 2
    logits = stitched(predictor.trained, predictor.refs())
    drawn = {unit.name: one.mask for unit, one in zip(shown, predictor.predict(shown), strict=True)}
    images = evaluate_run(plan, run.run, store, "val", device="cpu").image_counts
    assert images["names"].tolist() == list(drawn) == list(logits)
    with (pages.folder / "images.csv").open(newline="", encoding="utf-8") as file:
        assert [row["image"] for row in csv.DictReader(file) if row["run"] == run.run] == list(drawn)
    for unit, counts in zip(shown, images["confusion"], strict=True):
        mask, true = logits[unit.name].argmax(0), ground_truth_of(prepared, unit).mask
        assert np.array_equal(drawn[unit.name], mask)
        valid = true != VOID
        assert np.array_equal(counts, np.histogram2d(true[valid], mask[valid], bins=[range(4)] * 2)[0])


def test_what_an_ensemble_is_scored_on_and_hands_in_of_pages_is_one_prediction(pages, monkeypatch):
    monkeypatch.chdir(pages.folder.parents[1])
    plan, store, prepared = read_plan(Path("results/little/plan.json")), SegmentStore(), pages.prepared
    members = [run for run in plan.runs if run.role == "ensemble"]
    refs = [("test", i) for i in range(len(prepared.splits["test"]))]
    said = [stitched(load_model(plan, run, store, prepared), refs) for run in members]
    found, truth = {}, {}
    for unit in units(prepared, refs):
        each = [np.exp(one[unit.name]) / np.exp(one[unit.name]).sum(0) for one in said]
        found[unit.name] = np.mean(each, axis=0).argmax(0)
        truth[unit.name] = ground_truth_of(prepared, unit).mask
        assert np.array_equal(pages.mask(f"{unit.name}.png")[0], np.array(list(VALUES))[found[unit.name]])
    assert len(found) == SPLITS["test"]
    masks, truths = (np.stack(list(one.values())) for one in (found, truth))
    valid = truths != VOID
    shares = [((masks == k) & (truths == k)).sum() / (((masks == k) | (truths == k)) & valid).sum() for k in range(3)]
    assert float(pages.rows[0]["test/miou"]) == pytest.approx(np.mean(shares), abs=1e-6)


@pytest.mark.parametrize("name", ["masks", "both", "pages"])
def test_a_run_evaluated_again_has_the_counts_of_its_training(name, request, monkeypatch):
    made = request.getfixturevalue(name)
    monkeypatch.chdir(made.folder.parents[1])
    plan, store = read_plan(Path("results/little/plan.json")), SegmentStore()
    for run in (
        run for run in plan.runs if run.role != "retrain"
    ):  # those on folds were validated on images of both splits
        evaluation = evaluate_run(plan, run.run, store, "val", device="cpu")
        segment, epoch = evaluation.about["segment"], evaluation.about["epoch"]
        recorded = store.read_counts(segment)
        at = epoch - store.record(segment).first_epoch
        for array, values in recorded.items():
            assert np.array_equal(evaluation.counts[array], values[at])
        images = read_arrays(store.image_counts(segment, epoch))
        assert all(np.array_equal(evaluation.image_counts[array], values) for array, values in images.items())
        assert evaluation.scores["val/miou"] == store.record(segment).best["max val/miou"]["value"]


@pytest.mark.parametrize("name", ["masks", "both", "pages"])
def test_predictions_of_validation_files_have_the_counts_of_the_training(name, request, monkeypatch, tmp_path):
    made = request.getfixturevalue(name)
    monkeypatch.chdir(made.folder.parents[1])
    plan, store, prepared = read_plan(Path("results/little/plan.json")), SegmentStore(), made.prepared
    (data,) = plan.prepared
    (tmp_path / data).mkdir(parents=True)
    for file in ("manifest.json", "SHA256SUMS"):  # no image of the training is needed
        shutil.copy(Path(data) / file, tmp_path / data)
    for run in plan.runs:  # those on folds were validated on images of both splits
        predictor = ImagePredictor.load(plan, ChosenModels("", [run]), store, device="cpu", folder=tmp_path)
        (trained,) = predictor.models
        shown = units(prepared, images_of_run(prepared, trained.train.data, trained.fold)[1])
        files = [(Path("data/drawn/JPEGImages") / f"{unit.name}.jpg", unit.name) for unit in shown]
        counter = trained.task.counter()
        looks = predictor.predict_each(predictor.read(*file) for file in files)
        for unit, look in zip(shown, looks, strict=True):
            true, found = ground_truth_of(prepared, unit), look.found
            assert (look.image.name, found.size, found.mask.shape) == (unit.name, SIZE, SIZE)
            scale = SIZE[0] // len(true.mask)  # of the size that networks see
            one = {"mask": found.mask[::scale, ::scale], "labels": found.labels, "scores": found.scores}
            marks = {"mask": torch.tensor(true.mask)[None].long(), "name": [unit.name]}
            if name == "both":
                one["boxes"] = found.boxes / scale
                marks |= {key: [torch.tensor(getattr(true, key))] for key in ("boxes", "labels", "ignored")}
            counter.add([one], marks)
        recorded, counted = read_arrays(store.image_counts(trained.segment, trained.epoch)), counter.images()
        assert recorded.keys() == counted.keys()
        assert all(np.array_equal(counted[array], values) for array, values in recorded.items())


@pytest.mark.parametrize("name", ["masks", "pages"])
def test_the_ensemble_says_of_files_what_it_hands_in(name, request, monkeypatch, tmp_path, capsys):
    made = request.getfixturevalue(name)
    monkeypatch.chdir(made.folder.parents[1])
    images, output = tmp_path / "images", tmp_path / "images" / "found"
    (images / "more").mkdir(parents=True)
    for i, place in enumerate(("", "more", "more")):
        shutil.copy(f"data/drawn/JPEGImages/test_{i}.jpg", images / place)
    whole = (images / "test_0.jpg").read_bytes()
    (images / "half.jpg").write_bytes(whole[: len(whole) // 2])
    (images / "notes.txt").write_text("not an image")
    argv = ["--plan", "results/little/plan.json", "--images", str(images), "--output", str(output), "--of", "ensemble"]
    argv += ["--formats", "index", "--device", "cpu"]
    assert predict_images.main(argv) == 0
    assert "5 files, 3 predicted, 2 skipped" in capsys.readouterr().out
    (output / "index" / "old.png").touch()
    assert predict_images.main(argv) == 0  # again, in place of the earlier ones
    found = {path.relative_to(output / "index").as_posix(): path for path in (output / "index").rglob("*.png")}
    assert sorted(found) == ["more/test_1.png", "more/test_2.png", "test_0.png"]
    for path in found.values():
        handed_in = np.array(list(VALUES))[np.asarray(Image.open(path))]
        # In batches of other images the last digits are others: a pixel may fall on the other side of an edge.
        assert np.mean(handed_in != made.mask(path.name)[0]) < 1e-3
    with (output / "predictions.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["image"]: row for row in csv.DictReader(file)}
    assert {image: row["status"] for image, row in rows.items()} == {
        "half.jpg": "skipped",
        "more/test_1.jpg": "predicted",
        "more/test_2.jpg": "predicted",
        "notes.txt": "skipped",
        "test_0.jpg": "predicted",
    }
    assert (rows["test_0.jpg"]["height"], rows["test_0.jpg"]["width"]) == tuple(map(str, SIZE))
    assert "truncated" in rows["half.jpg"]["reason"]
    assert float(rows["test_0.jpg"]["seconds"]) > 0
    about = json.loads((output / "prediction.json").read_text())
    assert len(about["models"]) == len([run for run in made.plan["runs"] if run["role"] == "ensemble"])


def files_of(folder):
    """Content of all files of a prediction by path, but for the times that it took."""
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    found = {place: path.read_bytes() for place, path in paths.items()}
    if "predictions.csv" in found:
        found["predictions.csv"] = [row | {"seconds": ""} for row in read_csv(paths["predictions.csv"])]
    return found


def predict_until_killed(argv, writes, monkeypatch):
    """Predict in a process of its own, which is killed in the middle of a number of writes of files."""
    if (child := os.fork()) == 0:
        replace, left = Path.replace, iter(range(writes))

        def killed(path, target):
            if next(left, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)
            return replace(path, target)

        monkeypatch.setattr(Path, "replace", killed)
        predict_images.main(argv)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL


@pytest.fixture(scope="module")
def killed(both, tmp_path_factory):
    """Images of two sizes, one of them damaged; an undisturbed prediction of them, and one that was killed."""
    folder = tmp_path_factory.mktemp("killed")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(both.folder.parents[1])
        shutil.copytree("data/drawn/JPEGImages", folder / "images")
        for i in range(3):
            Image.open(folder / f"images/val_{i}.jpg").crop((0, 0, 96, 32)).save(folder / f"images/test_{i}_cut.png")
        damaged = folder / "images" / "test_1.jpg"
        damaged.write_bytes(damaged.read_bytes()[:1500])
        assert predict_images.main(prediction_of(folder, "whole")) == 0
        predict_until_killed(prediction_of(folder, "found"), 15, patch)
    return folder


@pytest.fixture
def interrupted(killed, both, monkeypatch, tmp_path):
    """Images, and a prediction of them that was killed, in a folder that a test may alter."""
    monkeypatch.chdir(both.folder.parents[1])
    for name in ("images", "found"):
        shutil.copytree(killed / name, tmp_path / name)
    return tmp_path


def prediction_of(folder, output):
    """Arguments of a prediction of the images in a folder."""
    argv = ["--plan", "results/little/plan.json", "--images", str(folder / "images"), "--output", str(folder / output)]
    return [*argv, "--device", "cpu", "--formats", "index", "overlay", "boxes", "coco", "coco_polygons", "coco_boxes"]


def test_a_prediction_that_was_killed_goes_on_to_the_same_bits(interrupted, killed, monkeypatch, capsys):
    argv, found, whole = prediction_of(interrupted, "found"), interrupted / "found", files_of(killed / "whole")
    assert not (found / "predictions.csv").exists()
    assert [path.suffix for path in found.glob("index/.*")] == [".tmp"]
    (found / "index" / "notes.txt").write_text("mine")
    first = {path: path.stat().st_mtime_ns for path in found.glob("index/*.png")}
    predict_until_killed(argv, 12, monkeypatch)
    assert predict_images.main(argv) == 0
    assert "found: 11 of 15 files were done before an interruption; going on" in capsys.readouterr().out
    assert files_of(found) == whole | {"index/notes.txt": b"mine"}
    assert sum(path.stat().st_mtime_ns == time for path, time in first.items()) == len(first) - 1 == 6
    assert [row["status"] for row in whole["predictions.csv"]].count("predicted") == 14
    assert [one["file_name"] for one in json.loads(whole["coco.json"])["images"]] == [
        row["image"] for row in whole["predictions.csv"] if row["status"] == "predicted"
    ]
    assert predict_images.main(argv) == 0  # a whole one is predicted again
    assert files_of(found) == whole


@pytest.mark.parametrize(
    ("change", "done"), [("options", 0), ("image", 5), ("removed", 5), ("lost", 3), ("journal", 7)]
)
def test_what_changed_since_a_prediction_was_killed_is_predicted_again(interrupted, change, done, capsys):
    images, found = interrupted / "images", interrupted / "found"
    more = ["--flips", "horizontal"] if change == "options" else []
    if change == "image":
        shutil.copy(images / "val_0.jpg", images / "train_1.jpg")
    elif change == "removed":
        (images / "train_1.jpg").unlink()
    elif change == "lost":
        (found / "overlay" / "test_2.jpg").unlink()
    elif change == "journal":
        with (found / ".predictions.jsonl").open("ab") as file:
            file.write(b'{"name": "train_')
    assert predict_images.main(prediction_of(interrupted, "again") + more) == 0
    capsys.readouterr()
    assert predict_images.main(prediction_of(interrupted, "found") + more) == 0
    said = capsys.readouterr().out
    assert re.findall(r"found: (\d+) of", said) == ([str(done)] if done else [])
    assert files_of(found) == files_of(interrupted / "again")


def test_one_process_predicts_into_a_folder(tmp_path):
    journal = PredictionJournal(tmp_path)
    with pytest.raises(InputError, match=f"{tmp_path}: another process predicts into this folder"):
        PredictionJournal(tmp_path)
    journal.close()
    PredictionJournal(tmp_path).close()


def test_predictions_go_into_no_folder_of_other_things_and_fail_where_there_are_none(
    masks, monkeypatch, tmp_path, capsys
):
    monkeypatch.chdir(masks.folder.parents[1])
    images, other = tmp_path / "images", tmp_path / "other"
    for folder in (images, other):
        folder.mkdir()
        (folder / "a.png").write_bytes(b"")
    argv = ["--plan", "results/little/plan.json", "--images", str(images), "--device", "cpu", "--output"]
    assert predict_images.main([*argv, str(other)]) == 2
    assert "holds files that are no predictions" in capsys.readouterr().err
    assert [path.name for path in other.iterdir()] == ["a.png"]
    assert predict_images.main([*argv, str(tmp_path / "found")]) == 1
    assert "a.png: empty" in capsys.readouterr().out
    assert "skipped" in (tmp_path / "found" / "predictions.csv").read_text()


def test_memory_that_does_not_suffice_halves_the_batches_and_then_skips(masks, monkeypatch):
    monkeypatch.chdir(masks.folder.parents[1])
    plan, store = read_plan(Path("results/little/plan.json")), SegmentStore()
    run = next(run for run in plan.runs if run.role != "ensemble")
    predictor = ImagePredictor.load(plan, ChosenModels("", [run]), store, device="cpu")
    images = [predictor.read(Path(f"data/drawn/JPEGImages/val_{i}.jpg"), str(i)) for i in range(3)]
    expected = [look.found.mask for look in predictor.predict_each(images)]
    forward, room = predictor.models[0].forward, 1

    def small(batch):
        if len(batch) > room:
            raise torch.OutOfMemoryError(f"room for {room}")
        return forward(batch)

    small.device = forward.device
    predictor.models[0].forward = small
    assert predictor.micro_batch == 2
    assert all(map(np.array_equal, (look.found.mask for look in predictor.predict_each(images)), expected))
    assert predictor.micro_batch == 1
    room = 0
    looks = list(predictor.predict_each(images))
    assert [look.image.name for look in looks] == ["0", "1", "2"]
    assert all("do not fit into the memory" in str(look.found) for look in looks)


def test_a_run_is_evaluated_on_another_split_with_another_postprocessing(both, monkeypatch, capsys):
    monkeypatch.chdir(both.folder.parents[1])
    name = next(run["run"] for run in both.plan["runs"] if run["role"] != "ensemble")
    output = both.folder / "evaluations" / f"{name}-test.json"
    options = ["--plan", "results/little/plan.json", "--run", name, "--split", "test", "--output", str(output)]
    found = {}
    for threshold in ("0.05", "0.999"):
        assert (
            evaluate_program.main([*options, "--postprocess", f"score_threshold={threshold}", "--device", "cpu"]) == 0
        )
        found[threshold] = json.loads(output.read_text())
    assert found["0.05"]["images"] == len(found["0.05"]["of_images"]) == SPLITS["test"]
    assert found["0.999"]["scores"]["test/map50"] == 0  # nothing is that sure
    assert found["0.05"]["scores"]["test/miou"] == found["0.999"]["scores"]["test/miou"]
    assert found["0.05"]["scores"]["test/miou"] == pytest.approx(float(both.rows[1]["test/miou"]), abs=1e-6)
    for name in ("boundary_f1", "boundary_iou", "surface_dice"):  # which training does not count
        assert 0 <= found["0.05"]["scores"][f"test/{name}"] <= 1
    distances = [row["hd95"] for row in found["0.05"]["of_images"]]
    assert 0 < min(distances) <= max(distances) < 500  # pixels
    with np.load(output.with_suffix(".npz")) as counts:
        assert counts["images/confusion"].sum(0).tolist() == counts["split/confusion"].tolist()
        assert counts["images/boundaries"].sum(0).tolist() == counts["split/boundaries"].tolist()
    assert evaluate_program.main([*options[:2], "--run", "c0-s0", *options[4:]]) == 2
    assert "there is no run 'c0-s0'. There are: c" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "members"), [("masks", 3), ("both", 2)])
def test_ensemble_and_members_are_scored_on_the_test_split(name, members, request):
    made = request.getfixturevalue(name)
    method = made.plan["study"]["ensemble"]["method"]
    assert [row["method"] for row in made.rows] == [
        method,
        "single model",
        *(f"member {number}" for number in range(1, members + 1)),
    ]
    assert all(0 < float(row["test/miou"]) <= 1 for row in made.rows)
    about = made.json("ensemble.json")
    assert (about["split"], about["images"], about["left_out"]) == ("test", 3, [])
    runs = [run for run in made.plan["runs"] if run["role"] == "ensemble"]
    segments = read_plan(made.folder / "plan.json").segments
    folds = [segments[run["segments"][-1]].fold for run in runs]
    assert [(fold["index"], fold["k"], fold["within"]) for fold in folds] == [
        (index, members, "train+val") for index in range(members)
    ]
    report = (made.folder / "report.md").read_text(encoding="utf-8")
    assert "They are scored on 3 images that none of them was trained on" in report


def test_submitted_masks_are_those_that_were_scored(masks):
    assert sorted(masks.files) == [f"test_{i}.png" for i in range(3)]
    found = {name.removesuffix(".png"): masks.mask(name) for name in masks.files}
    for values, _ in found.values():
        assert values.shape == SIZE
        assert set(np.unique(values)) <= set(VALUES)
    again = masks.miou({name: classes for name, (_, classes) in found.items()})
    assert again == pytest.approx(float(masks.rows[0]["test/miou"]), abs=1e-6)


def test_submitted_boxes_are_those_that_were_scored(both):
    test, counter = both.prepared.splits["test"], BoxCounter(2)
    lists = {label: f"results/VOC2012/Main/comp4_det_test_{name}.txt" for label, name in enumerate(["square", "bar"])}
    lines = [(label, *line.split()) for label, file in lists.items() for line in both.files[file].decode().splitlines()]
    assert lines
    for i, name in enumerate(test.names):
        mine = [(label, score, corners) for label, image, score, *corners in lines if image == name]
        corners = torch.tensor([[float(value) for value in box] for _, _, box in mine]).reshape(-1, 4)
        assert (corners >= 1).all()
        assert (corners <= torch.tensor([SIZE[1], SIZE[0]] * 2)).all()
        corners[:, :2] -= 1
        found = {"boxes": corners / 2, "scores": torch.tensor([float(score) for _, score, _ in mine])}
        found["labels"] = torch.tensor([label for label, _, _ in mine], dtype=torch.int64)
        ground_truth = torch.tensor(test.boxes(i).copy()), torch.tensor(test.labels(i).copy())
        batch = {"name": [name], "boxes": [ground_truth[0]], "labels": [ground_truth[1]]}
        counter.add([found], batch, [torch.zeros(len(ground_truth[0]), dtype=torch.bool)])
    scores = metrics.score(counter.totals(), "multitask", both.prepared.classes, only=["map50"])
    assert scores["map50"] == pytest.approx(float(both.rows[0]["test/map50"]), abs=0.005)
    masks = {name: both.mask(f"results/VOC2012/Segmentation/comp6_test_cls/{name}.png")[1] for name in test.names}
    assert both.miou(masks) == pytest.approx(float(both.rows[0]["test/miou"]), abs=1e-6)


def test_an_image_of_the_table_is_that_of_its_row(masks):
    with (masks.folder / "ensemble_images.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["image"] for row in rows} == set(masks.prepared.splits["test"].names)
    assert [row["run"] for row in rows[::3]] == ["ensemble", "single", *(row["run"] for row in masks.rows[2:])]


@pytest.mark.parametrize("name", ["masks", "both"])
def test_the_ensemble_has_the_test_score_that_it_has_beside_its_members(name, request):
    made = request.getfixturevalue(name)
    with (made.folder / "test.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert all(row[score] == value for score, value in made.rows[0].items() if score.startswith("test/"))
    assert (row["run"], row["trained_on"], row["images"]) == ("ensemble", "train+val", str(SPLITS["test"]))
    assert row["low"] == row["drawn"] == ""  # three images tell nothing of others
    with (made.folder / "test_images.csv").open(newline="", encoding="utf-8") as file:
        images = {one["image"]: one["miou"] for one in csv.DictReader(file)}
    with (made.folder / "ensemble_images.csv").open(newline="", encoding="utf-8") as file:
        assert images == {one["image"]: one["miou"] for one in csv.DictReader(file) if one["run"] == "ensemble"}


def test_each_look_at_the_test_split_is_counted_once_and_the_report_says_so(masks):
    looks = masks.json("test_looks.json")["looks"]
    assert [look["by"] for look in looks[:3]] == ["score_ensemble", "score_test", "predict_test"]
    assert [len(look["models"]) for look in looks[:3]] == [4, 3, 3]
    assert looks[1]["how"] == "vote, 2 votes needed"
    report = (masks.folder / "report.md").read_text(encoding="utf-8")
    assert (
        "Different looks at the test split in this study so far: 2." in report
    )  # it was written before the submission
    sources = (masks.folder / "report.sources.csv").read_text(encoding="utf-8")
    (problem, *_) = verify(report, sources, masks.folder)
    assert "says 3" in problem


def test_a_study_opened_from_elsewhere_predicts_what_it_handed_in(masks, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    study = segsweep.open(masks.folder)
    images = masks.folder.parents[1] / "data" / "drawn" / "JPEGImages"
    names = masks.prepared.splits["test"].names
    assert len(names) == SPLITS["test"]
    ensemble = study.ensemble
    assert (len(ensemble.runs), ensemble.method) == (3, "vote")
    assert repr(ensemble) == "<ensemble of little: 3 models, vote>"
    for name in names:
        found = ensemble.predict(images / f"{name}.jpg", device="cpu")
        assert found.mask.shape == SIZE
        assert np.array_equal(np.array(list(VALUES))[found.mask], masks.mask(f"{name}.png")[0])
    shutil.copytree(images, "photos", ignore=shutil.ignore_patterns("train*", "val*"))
    Path("photos/damaged.jpg").write_bytes(b"no image")
    rows = ensemble.predict_folder("photos", "predicted", formats=["index"], device="cpu")
    assert dict(zip(rows["image"], rows["status"], strict=True)) == {
        "damaged.jpg": "skipped", **{f"{name}.jpg": "predicted" for name in names}
    }  # fmt: skip
    assert rows["height"].dropna().unique().tolist() == [SIZE[0]]
    (written,) = Path("predicted").rglob(f"{names[-1]}.png")
    assert np.array_equal(np.asarray(Image.open(written)), found.mask)


def test_the_network_of_an_opened_run_is_the_one_that_predicts(masks, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    run = segsweep.open(masks.folder).best
    model, normalize = run.model(), run.normalization()
    assert not model.training
    assert run.data.splits["val"].sizes.tolist() == [HALF] * SPLITS["val"]
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    with torch.inference_mode():
        logits = model(normalize(torch.tensor(image).permute(2, 0, 1)[None]))
    found = run.predict(image, device="cpu", window=64)  # one window: the image as it is
    assert logits.shape == (1, 3, 64, 64)
    assert np.array_equal(logits.argmax(1)[0].numpy(), found.mask)
    np.testing.assert_allclose(logits.softmax(1)[0].numpy(), found.probability, atol=1e-5)


def test_an_opened_run_with_boxes_predicts_them_in_pixels_of_the_file(both, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    run = segsweep.open(both.folder).best
    name = both.prepared.splits["val"].names[0]
    found = run.predict(both.folder.parents[1] / "data" / "drawn" / "JPEGImages" / f"{name}.jpg", device="cpu")
    assert len(found.boxes) == len(found.labels) == len(found.scores) > 0
    assert found.boxes[:, 2].max() > HALF[1]  # beyond the size that the network sees
    assert (found.boxes >= 0).all()
    assert (found.boxes <= [SIZE[1], SIZE[0]] * 2).all()


def exported(made, output, *options):
    """The card of a study's model, exported into a folder."""
    arguments = ["--plan", "results/little/plan.json", "--results", "results/little", "--output", str(output), *options]
    assert export_model.main(arguments) == 0
    return (output / "README.md").read_text(encoding="utf-8")


def test_an_exported_network_scores_what_the_run_scored(masks, tmp_path, monkeypatch):
    monkeypatch.chdir(masks.folder.parents[1])
    card = exported(masks, tmp_path / "model", "--values", "stored")
    network, val = OnnxNetwork(tmp_path / "model" / "model.onnx"), masks.prepared.splits["val"]
    counts = np.zeros((3, 3), np.int64)
    for i in range(len(val)):
        image = val.image(i).transpose(2, 0, 1)[None].astype(np.float32)  # sides are no multiples of 32
        (logits,) = network(image)
        seen = val.mask(i) != VOID
        np.add.at(counts, (val.mask(i)[seen], logits[0].argmax(0)[seen]), 1)
    hit = np.diag(counts)
    miou = (hit / (counts.sum(0) + counts.sum(1) - hit)).mean()
    with (masks.folder / "runs.csv").open(newline="", encoding="utf-8") as file:
        best = max((row for row in csv.DictReader(file) if row["role"] == "grid"), key=lambda row: row["val/miou"])
    assert miou == pytest.approx(float(best["val/miou"]), abs=1e-9)
    assert f"| `{best['run']}` | {best['best_epoch']} of 6 | {miou:.4g} |" in card
    assert json.loads((tmp_path / "model" / "inference.json").read_text())["resize"]["height"] == HALF[0]


def test_members_of_an_ensemble_are_exported_side_by_side(both, tmp_path, monkeypatch):
    monkeypatch.chdir(both.folder.parents[1])
    card = exported(both, tmp_path, "--of", "ensemble")
    members = [row["run"] for row in both.rows if row["method"].startswith("member")]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == sorted(members)
    assert "2 models that decide together: their probabilities are averaged" in card
    assert f"Together: test/miou {float(both.rows[0]['test/miou']):.4g}" in card
    assert "On the test split" in card
    assert all((tmp_path / name / "model.onnx").is_file() for name in members)


def test_the_best_run_is_trained_again_on_both_splits_for_as_long_as_validation_chose(pages, monkeypatch):
    monkeypatch.chdir(pages.folder.parents[1])
    plan, store = read_plan(Path("results/little/plan.json")), SegmentStore()
    rows = {row["run"]: row for row in read_csv(pages.folder / "runs.csv")}
    again = next(run for run in plan.runs if run.role == "retrain")
    single = next(run for run in plan.runs if run.role == "grid")
    assert (again.cell, again.run) == (single.cell, f"{single.run}-all")
    assert str(again.epochs) == rows[single.run]["best_epoch"]
    segment = plan.segments[again.segments[-1]]
    assert (segment.last_epoch, segment.total_epochs) == (again.epochs, 2)
    data = Train.model_validate(segment.train).data
    training, validation = images_of_run(pages.prepared, data, None)
    assert images_of_run(pages.prepared, data, segment.fold)[0] == training + validation
    row = rows[again.run]
    assert (row["role"], row["status"], row["val/miou"], row["best_epoch"]) == ("retrain", "finished", "", "")
    assert again.run not in {row["run"] for row in read_csv(pages.folder / "images.csv")}
    (ranked,) = read_csv(pages.folder / "ranking.csv")
    assert (ranked["best_run"], ranked["n"], ranked["planned"]) == (single.run, "1", "1")
    (row,) = read_csv(pages.folder / "test.csv")
    assert (row["run"], row["trained_on"], row["epoch"], row["own"]) == (again.run, "train+val", str(again.epochs), "")
    evaluation = evaluate_run(plan, again.run, store, "test", device="cpu")
    assert evaluation.about["epoch"] == again.epochs
    assert float(row["test/miou"]) == pytest.approx(evaluation.scores["test/miou"], abs=1e-9)
