"""The recipes of CONTRIBUTING.md, word for word: all work in one small study, and nothing trained trains again."""

import csv
import json
import re
from functools import reduce
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image, ImageDraw

from segsweep import registry
from segsweep.planning.plan_file import read_plan
from tests.workspace import ROOT, SMALL, Workspace

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
RECIPES = {part.split("\n", 1)[0]: part for part in TEXT.split("\n### ")[1:]}
FILE = re.compile(r"^`([^`\n]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STUDY = re.compile(r"^In a study:\n\n```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAME = "recipes"
OF_THE_PROJECT = {"tasks", "trainers"}  # kinds that reach into planning and store; no recipe is enough


def files_of(recipe: str) -> dict[str, str]:
    """The complete files of a recipe, by path."""
    return dict(FILE.findall(RECIPES[recipe]))


def merge(one: dict, other: dict) -> dict:
    """Keys of both, mappings merged."""
    both = {key: merge(one[key], other[key]) for key in one.keys() & other.keys() if isinstance(other[key], dict)}
    return one | other | both


def draw_data_set(folder: Path, images: int = 6) -> None:
    """Squares and discs, listed as the reader of the recipe wants it."""
    folder.mkdir(parents=True)
    rows = []
    for i in range(images):
        mask = Image.new("L", (32, 32))
        ImageDraw.Draw(mask).rectangle((2 + i, 2, 12 + i, 12), 1)
        ImageDraw.Draw(mask).ellipse((14, 16 - i, 26, 28 - i), 2)
        mask.save(folder / f"mask_{i}.png")
        Image.fromarray((np.asarray(mask)[..., None] * np.array([90, 60, 30])).astype(np.uint8)).save(
            folder / f"image_{i}.png"
        )
        rows.append(
            {"split": "train" if i < 4 else "val", "name": str(i), "image": f"image_{i}.png", "mask": f"mask_{i}.png"}
        )
    with (folder / "items.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with a trained study and the plan of the demo, to which all recipes are added."""
    made = Workspace(tmp_path_factory.mktemp("recipes"))
    made.write_tiny_dataset()
    made.write_study()
    made.snakemake("results/little/runs.csv")
    made.snakemake("--dry-run", study="demo")
    made.demo = (made.folder / "results" / "demo" / "plan.json").read_text(encoding="utf-8")
    for recipe in RECIPES:
        for path, text in files_of(recipe).items():
            assert not (made.folder / path).exists(), f"{path} of the recipe {recipe!r} is no new file"
            (made.folder / path).write_text(text, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def trained(project):
    """Folder of the results of a study that uses all recipes."""
    draw_data_set(project.folder / "data" / "listed")
    parts = [yaml.safe_load(text) for recipe in RECIPES.values() for text in STUDY.findall(recipe)]
    study = reduce(merge, parts, {"name": NAME, "train": SMALL | {"optimizer": {}, "model": {}}})
    project.write(f"config/studies/{NAME}.yaml", study)
    project.snakemake(study=NAME)
    return project.folder / "results" / NAME


READS_CORNERS = """
import sys
from pathlib import Path
sys.path.insert(0, "workflow/scripts")
from segsweep.config.dataset import parse_dataset
from segsweep.data.classes import class_table
from segsweep.data.decoding import decode
from segsweep.data.readers import files, read
dataset = parse_dataset({"name": "c", "reader": "corner_list", "classes": {0: "background", 1: "cat"}})
root = Path("data/cornered")
for item, (name, paths) in zip(read(dataset, root)["train"], files(dataset, root)["train"], strict=True):
    sample, problems = decode(item, class_table(dataset), True)
    print(name, paths[1].name, sample and sample.mask.tolist(), *problems)
"""

WRITES_SHARES = """
import sys
from pathlib import Path
import numpy as np
sys.path.insert(0, "workflow/scripts")
from segsweep.config.dataset import parse_dataset
from segsweep.inference.predicted_image import PredictedImage
from segsweep.inference.prediction_files import PredictionFiles
from segsweep.inference.prediction_formats import Subject
dataset = parse_dataset({"name": "c", "reader": "corner_list", "classes": {0: "background", 1: "cat"}})
with PredictionFiles(Path("predicted"), Subject.of(dataset), ["class_shares"]) as files:
    files.add(PredictedImage("sub/a", (1, 4), mask=np.array([[0, 0, 1, 0]], np.uint8)), np.zeros((1, 4, 3), np.uint8))
"""


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_kind_of_component_has_a_recipe():
    kinds = {base.package for kind, base in registry.kinds().items() if registry.classes(kind)}
    added = {str(Path(path).parent) for recipe in RECIPES for path in files_of(recipe)}
    assert {f"workflow/scripts/segsweep/{kind}" for kind in kinds - OF_THE_PROJECT} <= added
    assert {"config/augmentations", "workflow/scripts/segsweep/analysis"} <= added


def test_nothing_trains_again(project):
    assert project.would_train() == []
    (project.folder / "results" / "demo" / "plan.json").unlink()
    project.snakemake("--dry-run", study="demo")
    after = read_plan(project.folder / "results" / "demo" / "plan.json").segments
    assert list(after) == list(json.loads(project.demo)["segments"])


def test_a_study_with_all_of_them_trains(trained):
    runs = rows_of(trained / "runs.csv")
    assert {run["status"] for run in runs} <= {"finished", "pruned"}
    assert len(runs) == 4
    assert all(np.isfinite(float(run["val/kappa"])) for run in runs)
    settings = read_plan(trained / "plan.json").cells[0].train
    assert settings["model"]["arch"] == "plain_cnn"
    assert settings["optimizer"]["name"] == "nadam"
    assert settings["scheduler"]["name"] == "inverse_sqrt"
    assert settings["loss"]["main"]["brier"]["weight"] == 0.5


def test_a_study_is_passed_on_to_the_new_tracker(project, trained):
    project.run("workflow/scripts/track_study.py", "--study", NAME, "--exporters", "json_lines")
    files = sorted((trained / "trackers" / "json_lines").glob("*.jsonl"))
    assert [file.stem for file in files] == sorted(run["run"] for run in rows_of(trained / "runs.csv"))
    told = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    scores = sorted(line["values"]["val/kappa"] for line in told if "epoch" in line)
    assert scores == sorted(float(row["val/kappa"]) for row in rows_of(trained / "epochs.csv"))


def test_the_report_has_the_new_section(trained):
    text = (trained / "report.md").read_text(encoding="utf-8")
    assert "## Slowest runs\n" in text
    assert "Cohen's kappa" in text
    assert (trained / "figures" / "training_times.png").is_file()


def test_the_new_form_is_exported_and_nothing_else_runs(project, trained):
    done = project.snakemake("export_report", study=NAME)
    assert "export_report" in done
    assert "build_report" not in done
    lines = (trained / "export" / "tables.txt").read_text(encoding="utf-8").splitlines()
    assert any(line.startswith("ranking: Ranking, ") for line in lines)


def test_the_new_table_is_there(trained):
    rows = rows_of(trained / "seed_spread.csv")
    finished = [run["cell"] for run in rows_of(trained / "runs.csv") if run["status"] == "finished"]
    assert sorted(row["cell"] for row in rows) == sorted(finished)
    assert all(row["n"] == "1" and row["lowest"] == row["highest"] for row in rows)


def test_the_new_claim_is_judged(trained):
    (row,) = rows_of(trained / "claims.csv")
    lowest = min(float(run["val/loss"]) for run in rows_of(trained / "runs.csv") if run["status"] == "finished")
    assert (row["id"], row["verdict"]) == ("H1", "supported")
    assert float(row["estimate"]) == pytest.approx(lowest, rel=1e-6)


def test_the_reader_of_annotations_draws_and_reports(project):
    folder = project.folder / "data" / "cornered"
    folder.mkdir()
    for name, text in (("a", "cat 1 0 3 0 3 1 1 1\n"), ("b", "cat 1 0 3\n\nkat 0 0 1 0 1 1\n"), ("c", None)):
        Image.new("RGB", (3, 2)).save(folder / f"{name}.png")
        if text is not None:
            (folder / f"{name}.txt").write_text(text)
    (folder / "train.txt").write_text("a\nb\nc\n")
    (folder / "val.txt").write_text("a\n")
    a, b, c = project.run("-c", READS_CORNERS).splitlines()
    assert a == "a a.txt [[0, 1, 1], [0, 0, 0]]"
    assert "b.txt:1: found 'cat 1 0 3'; a line is LABEL" in b
    assert "b.txt:3: the label 'kat' means nothing in this data set. Did you mean 'cat'?" in b
    assert "c.txt: no such file" in c
    assert "no mask" not in c


def test_the_new_format_of_predictions_is_written(project):
    project.run("-c", WRITES_SHARES)
    assert rows_of(project.folder / "predicted" / "class_shares.csv") == [
        {"image": "sub/a", "background": "0.75", "cat": "0.25"}
    ]
