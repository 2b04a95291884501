"""Predictions are written in the formats that are asked for, or that suit the task."""

import csv
import re

import numpy as np
import pytest
from PIL import Image

from segsweep import registry
from segsweep.config.dataset import parse_dataset
from segsweep.errors import InputError
from segsweep.inference.predicted_image import PredictedImage
from segsweep.inference.prediction_files import PredictionFiles, usual_formats
from segsweep.inference.prediction_formats import Subject
from tests.workspace import ROOT

IMAGE = np.zeros((2, 3, 3), np.uint8)


def subject(task: str = "multiclass", **keys) -> Subject:
    """That of a data set of a task; keys are laid over its own."""
    of_task = {
        "binary": {"classes": {0: "background", 1: "cell"}, "foreground": "cell"},
        "multiclass": {"classes": {0: "background", 7: "cat", 9: "dog"}},
        "multilabel": {"classes": {0: "crack", 1: "spalling"}, "masks": "masks/{name}.npy"},
        "multitask": {"reader": "voc", "classes": {0: "background", 1: "cat", 2: "dog"}},
        "text": {"reader": "icdar"},
    }[task]
    return Subject.of(parse_dataset({"name": "any", "reader": "folder", "task": task} | of_task | keys))


def test_index_masks_hold_indices_and_say_what_they_mean(tmp_path):
    mask = np.array([[0, 1, 2], [2, 0, 0]], np.uint8)
    with PredictionFiles(tmp_path / "new", subject(), ["index"]) as files:
        assert files.add(PredictedImage("sub/a.b", (2, 3), mask=mask), IMAGE) == []
    with Image.open(tmp_path / "new" / "index" / "sub" / "a.b.png") as read:
        assert read.mode == "L"
        np.testing.assert_array_equal(np.asarray(read), mask)
    with (tmp_path / "new" / "index.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["index", "class"], ["0", "background"], ["1", "cat"], ["2", "dog"]]


def test_each_label_has_a_mask(tmp_path):
    labels = subject("multilabel")
    with PredictionFiles(tmp_path, labels, ["index"]) as files:
        files.add(PredictedImage("a", (1, 4), mask=np.array([[0, 1, 2, 3]], np.uint8)), IMAGE[:1])
    found = {label: np.asarray(Image.open(tmp_path / "index" / label / "a.png")).tolist() for label in labels.classes}
    assert found == {"crack": [[0, 255, 0, 255]], "spalling": [[0, 0, 255, 255]]}


def test_formats_that_do_not_exist_or_do_not_fit_are_refused(tmp_path):
    with pytest.raises(InputError) as refused:
        PredictionFiles(tmp_path / "none", subject("text"), ["indeks", "index"])
    unknown, unfit = refused.value.problems
    assert unknown.startswith("there is no format 'indeks' of predictions.")
    assert unfit.startswith("the format 'index' (class indices as PNG) is for the tasks binary, multiclass")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel", "multitask"])
def test_masks_are_written_as_indices_where_nothing_is_asked_for(task):
    assert "index" in usual_formats(task)


def test_objects_are_all_classes_but_the_background():
    assert subject().objects == [1, 2]
    assert subject(classes={0: "road", 1: "sky"}).objects == [0, 1]
    assert subject("binary").objects == [1]
    assert subject("multilabel", classes={0: "background", 1: "crack"}).objects == [0, 1]


def test_the_documentation_lists_all_formats():
    text = (ROOT / "docs" / "predict.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `(\w+)`( \*)? \|", text, re.MULTILINE))
    formats = registry.classes("predictionformat")
    assert {name: bool(star) for name, star in listed.items()} == {
        name: bool(facts.usual_of) for name, facts in formats.items()
    }
