"""The images of a study, drawn with a predictor that finds text everywhere."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from segsweep.inference.predictor import Annotations, units
from segsweep.planning.plan_file import PlannedCell, PlannedRun, StudyPlan
from segsweep.report.images.gallery import draw_images
from segsweep.report.images.selection import Candidates
from tests.segments import segment_plan

SIDE = 16


class FakeSplit:
    """Images, or patches of two pages side by side."""

    def __init__(self, pages):
        self.names = [f"image_{i}" for i in range(4)]
        self.sizes = np.full((4, 2), SIDE)
        self.pages = pages

    def __len__(self):
        return 4

    def image(self, i):
        return np.full((SIDE, SIDE, 3), 60 * i, np.uint8)

    def mask(self, i):
        return (np.indices((SIDE, SIDE))[1] < 4 * i).astype(np.uint8)

    def page(self, i):
        patch = {"page": f"page_{i // 2}", "y": 0, "x": SIDE * (i % 2), "height": SIDE, "width": 2 * SIDE}
        return patch if self.pages else None


class FakePrepared:
    task, classes, num_classes, has_masks = "binary", ["paper", "text"], 2, True
    dataset, channels, dtype = "little", 3, "uint8"

    def __init__(self, pages):
        self.splits = {"val": FakeSplit(pages)}


class FakePredictor:
    def __init__(self, plan, run, store, prepared):
        self.prepared = prepared

    def refs(self):
        return [("val", i) for i in range(4)]

    def predict(self, wanted):
        return [Annotations(mask=np.ones((SIDE, SIDE * len(unit.indices)), np.uint8)) for unit in wanted]


@pytest.fixture(params=[4])
def study(request, tmp_path):
    """Draws the images of a study with as many cells as the parameter says."""
    cells = [f"c{i}" for i in range(request.param)]
    settings = [{"optimizer.lr": lr, "batch_size": 4 * k} for lr in (1e-3, 1e-4) for k in range(1, len(cells) // 2 + 1)]
    segment = segment_plan(data="results/data/key")
    plan = StudyPlan(
        study={"metric": "val/recall", "report": {"images": {"which": "best 1 and worst 1", "of": "best"}}},
        name="little",
        axes=["optimizer.lr", "batch_size"],
        cells=[PlannedCell(cell, cell, settings=values) for cell, values in zip(cells, settings, strict=True)],
        runs=[PlannedRun(f"{cell}-s0", cell, segments=[segment.id]) for cell in cells],
        segments={segment.id: segment},
    )
    ranking = pd.DataFrame({"cell": cells, "label": [f"setting {cell}" for cell in cells]})
    ranking.assign(best_run=[f"{cell}-s0" for cell in cells]).to_csv(tmp_path / "ranking.csv", index=False)
    scores = [(f"{cell}-s0", cell, f"image_{i}", 0.1 * i + 0.2) for cell in cells for i in range(4)]
    pd.DataFrame(scores, columns=["run", "cell", "image", "recall"]).to_csv(tmp_path / "images.csv", index=False)
    (tmp_path / "analysis.json").write_text('{"best": {"cell": "c2"}}')

    def draw(pages=False, **wanted):
        plan.study["report"]["images"] |= wanted
        (tmp_path / "plan.json").write_text(plan.text())
        candidates = Candidates.read(tmp_path / "plan.json", tmp_path, tmp_path / "segments")
        return draw_images(candidates, tmp_path / "images", FakePredictor, lambda folder: FakePrepared(pages))

    draw.folder, draw.plan = tmp_path, plan
    return draw


def test_the_chosen_setting_is_shown_on_its_best_and_worst_image(study):
    entries = study()
    assert [entry["file"] for entry in entries] == ["images/predictions.jpg", "images/grid.jpg"]
    assert [(item["image"], item["run"], item["value"]) for item in entries[0]["items"]] == [
        ("image_3", "c2-s0", 0.5),
        ("image_0", "c2-s0", 0.2),
    ]
    source = entries[0]["items"][0]["source"]
    row = pd.read_csv(study.folder / source["file"]).iloc[source["row"] - 1]
    assert (row["run"], row["image"], row[source["column"]]) == ("c2-s0", "image_3", 0.5)
    assert "on which the best setting does best, and the 1 on which it does worst" in entries[0]["caption"]
    assert json.loads((study.folder / "images" / "images.json").read_text()) == entries


def test_one_image_over_the_grid(study):
    grid = study()[-1]
    assert {item["cell"] for item in grid["items"]} == {"c0", "c1", "c2", "c3"}
    assert {item["image"] for item in grid["items"]} == {"image_3"}
    assert "by learning rate and batch size" in grid["caption"]
    assert Image.open(study.folder / grid["file"]).width > 200


def test_errors_of_several_settings_on_pages(study):
    entries = study(pages=True, which="first 2", show="errors", of="top 3")
    assert [entry["file"] for entry in entries] == [
        "images/errors_1.jpg",
        "images/errors_2.jpg",
        "images/grid.jpg",
    ]
    assert [item["cell"] for item in entries[0]["items"]] == ["c2", "c0", "c1"]
    assert entries[0]["image"] == "page_0"
    assert entries[0]["items"][0]["value"] is None
    assert "The page page_0" in entries[0]["caption"]


@pytest.mark.parametrize("study", [30], indirect=True)
def test_settings_that_were_asked_for_and_not_shown_are_named(study):
    entries = [entry for entry in study(which="first 1", of="all") if entry["kind"] != "grid"]
    assert [len(entry["items"]) for entry in entries] == [12]
    said = " 12 of 30 settings are shown; to see all of them, write `of: top 30` under `images` in the study's"
    assert said in entries[0]["caption"]
    entries = [entry for entry in study(which="first 1", of="top 30") if entry["kind"] != "grid"]
    assert [entry["file"] for entry in entries] == [f"images/predictions_1_{k}.jpg" for k in (1, 2, 3)]
    shown = [item["cell"] for entry in entries for item in entry["items"]]
    assert sorted(shown) == sorted(f"c{i}" for i in range(30))
    assert "predictions of the settings 13 to 24 from the top" in entries[1]["caption"]
    assert not any("are shown" in entry["caption"] for entry in entries)


def test_all_settings_of_a_small_study_are_shown_without_a_note(study):
    entries = study(which="first 1", of="all")
    assert len(entries[0]["items"]) == 4
    assert "are shown" not in entries[0]["caption"]


def test_pages_are_units_of_all_their_patches():
    found = units(FakePrepared(True), [("val", 1), ("val", 2)])
    assert [(unit.name, unit.indices) for unit in found] == [("page_0", (0, 1)), ("page_1", (2, 3))]
    assert [unit.name for unit in units(FakePrepared(False), [("val", 1)])] == ["image_1"]


def test_settings_of_a_cross_validation_are_shown_on_one_fold(study):
    plan = study.plan
    (segment,) = plan.segments
    plan.runs[:] = [
        PlannedRun(f"c{i}-s0-f{fold}", f"c{i}", seed=0, fold=fold, role="grid", segments=[segment])
        for i in range(4)
        for fold in range(2)
    ]
    ranking = pd.read_csv(study.folder / "ranking.csv").assign(best_run=[f"c{i}-s0-f{i % 2}" for i in range(4)])
    ranking.to_csv(study.folder / "ranking.csv", index=False)
    shown = study(of="top 3")
    # c2, which was chosen, is best on fold 0, c1 on fold 1: but that run was trained on what fold 0 left out.
    assert {item["run"] for entry in shown for item in entry["items"]} == {f"c{i}-s0-f0" for i in range(4)}
