"""Annotations of LabelMe, by hand-made files."""

import base64
import io
import json
import os

import numpy as np
import pytest
from PIL import Image

from segsweep.config.dataset import parse_dataset
from segsweep.data import readers
from segsweep.data.preparation import prepare
from segsweep.data.prepared import Prepared
from segsweep.errors import InputError

CLASSES = {0: "background", 1: "cell", 2: "scratch"}
IMAGES = {
    name: np.random.default_rng(number).integers(0, 256, (8, 10, 3), np.uint8) for number, name in enumerate("ab")
}


def dataset(**changes):
    values = {"name": "drawn", "reader": "labelme", "task": "multiclass", "classes": CLASSES}
    return parse_dataset(values | changes)


def encoded(array):
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def shape(label, points, kind="polygon", **more):
    return {"label": label, "points": points, "shape_type": kind} | more


def write(root, name, *shapes, **changes):
    """An annotation as LabelMe 5 writes it, and its image beside it."""
    image = IMAGES.get(name, IMAGES["a"] // 2)
    content = {
        "version": "5.5.0", "flags": {}, "shapes": list(shapes), "imagePath": f"{name}.png", "imageData": None,
        "imageHeight": 8, "imageWidth": 10,
    } | changes  # fmt: skip
    (root / f"{name}.json").write_text(json.dumps(content))
    if content["imageData"] is None:
        Image.fromarray(image).save(root / f"{name}.png")


CELL = shape("cell", [[1, 1], [5, 1], [5, 4], [1, 4]])
SCRATCH = shape("scratch", [[9, 7], [6, 5]], "rectangle")  # corners in any order


@pytest.fixture
def root(tmp_path):
    write(tmp_path, "a", CELL, SCRATCH)
    write(tmp_path, "b", CELL)
    (tmp_path / "train.txt").write_text("a\n")
    (tmp_path / "val.txt").write_text("b\n")
    return tmp_path


def item(root, name="a", **changes):
    (root / "train.txt").write_text(f"{name}\n")
    return readers.read(dataset(splits={"train": "train.txt"}, **changes), root)["train"][0]


def mask(root, *shapes, **changes):
    write(root, "a", *shapes)
    found = item(root, **changes)
    assert found.problems == []
    return found.mask(8, 10)


def rows(text):
    return [[int(value) for value in row] for row in text.split()]


DRAWN = rows("""
    0000000000
    0111100000
    0111100000
    0111100000
    0000000000
    0000002220
    0000002220
    0000000000
""")


def test_masks_are_the_shapes_and_images_the_files(root):
    prepare(dataset(), root, None, root / "out", "f")
    train = Prepared.open(root / "out").splits["train"]
    assert train.mask(0).tolist() == DRAWN
    assert (train.image(0) == IMAGES["a"]).all()


@pytest.mark.parametrize(
    ("drawn", "expected"),
    [
        # A circle of the radius 2 about the corner of four pixels: their centers and eight more are within it.
        (shape("cell", [[4, 4], [6, 4]], "circle"), ["0110", "1111", "1111", "0110"]),
        (shape("cell", [[2, 3], [6, 3]], "line"), ["1111", "1111", "0000", "0000"]),  # 2 wide
        (shape("cell", [[2, 2], [6, 2], [6, 6], [2, 6]], "rectangle"), ["1111"] * 4),  # X-AnyLabeling's
        (shape("cell", [[3, 3], [5, 4]], "mask", mask=encoded(np.uint8([[1, 0, 1], [0, 1, 1]]))),
         ["0000", "0101", "0011", "0000"]),
    ],
)  # fmt: skip
def test_kinds_of_shapes(root, drawn, expected):
    found = mask(root, drawn, line_width=2)
    assert found[2:6, 2:6].tolist() == rows(" ".join(expected))
    rest = found.copy()
    rest[2:6, 2:6] = 0
    assert not rest[:, 2:6].any()


def test_circles_and_lines_may_reach_beyond_the_image(root):
    circle, line = shape("cell", [[0, 4], [5, 4]], "circle"), shape("scratch", [[10, 0], [10, 8]], "line")
    found = mask(root, circle, line, line_width=2)
    y, x = np.mgrid[:8, :9] + 0.5
    distance = np.hypot(x, y - 4)
    assert (found[:, :9][distance < 4.5] == 1).all()
    assert (found[:, :9][distance > 5.5] == 0).all()
    assert (found[:, 9] == 2).all()


def test_a_later_shape_lies_over_an_earlier_one_and_early_versions_name_no_kind(root):
    inner = {"label": "scratch", "points": [[2, 2], [3, 2], [3, 3], [2, 3]], "line_color": None}
    assert (mask(root, CELL, inner) == 2).sum() == 1
    assert (mask(root, inner, CELL) == 2).sum() == 0


def test_shapes_of_one_group_are_one_object(root):
    parts = [shape("cell", [[x, 1], [x + 2, 1], [x + 2, 3], [x, 3]], group_id=7) for x in (0, 6)]
    write(root, "a", parts[0], SCRATCH, parts[1], shape("scratch", [[0, 5], [2, 7]], "rectangle"))
    found = item(root, task="multitask")
    assert found.boxes(8, 10) == [(0, 1, 8, 3), (6, 5, 9, 7), (0, 5, 2, 7)]
    assert found.labels == [0, 1, 1]


def test_an_embedded_image_is_read_where_there_is_no_file(root):
    (root / "a.png").unlink()
    write(root, "a", CELL, SCRATCH, imageData=encoded(IMAGES["b"]))
    write(root, "b", CELL, imageData=encoded(IMAGES["a"]))
    (root / "b.png").unlink()
    prepare(dataset(), root, None, root / "out", "f")
    prepared = Prepared.open(root / "out").splits
    assert (prepared["train"].image(0) == IMAGES["b"]).all()
    assert (prepared["val"].image(0) == IMAGES["a"]).all()
    assert readers.files(dataset(splits={"train": "train.txt"}), root)["train"] == [("a", [root / "a.json"] * 2)]


def test_shapes_lie_on_the_upright_image_as_labelme_shows_it(root):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    Image.fromarray(np.rot90(IMAGES["a"])).save(root / "a.png", exif=exif)
    prepare(dataset(), root, None, root / "out", "f")
    train = Prepared.open(root / "out").splits["train"]
    assert (train.image(0) == IMAGES["a"]).all()
    assert train.mask(0).tolist() == DRAWN


@pytest.mark.parametrize("said", ["../images/x.png", "..\\images\\x.png", "C:\\Users\\me\\images\\x.png"])
def test_the_image_is_where_the_annotation_says_or_beside_it(tmp_path, said):
    (tmp_path / "labels").mkdir()
    (tmp_path / "images").mkdir()
    write(tmp_path / "labels", "a", CELL, imagePath=said)
    place = tmp_path / ("labels" if ":" in said else "images") / "x.png"
    (tmp_path / "labels/a.png").rename(place)
    assert item(tmp_path, annotations="labels/{name}.json").image.resolve() == place
    assert item(tmp_path, annotations="labels/{name}.json", images="i/{name}.tif").image == tmp_path / "i/a.tif"


def test_an_image_without_annotation_is_found_beside_it_and_has_no_mask(root):
    (root / "a.json").unlink()
    assert item(root).mask is None
    assert item(root).image == root / "a.png"
    with pytest.raises(InputError) as caught:
        prepare(dataset(), root, None, root / "out", "f")
    (problem,) = caught.value.problems
    assert "a.json: no such file" in problem


def test_an_image_without_annotation_may_mean_that_nothing_is_there(root):
    (root / "b.json").unlink()
    changes = {"missing_labels": "background", "images": "{name}.png"}
    prepare(dataset(**changes), root, None, root / "out", "f")
    assert not Prepared.open(root / "out").splits["val"].mask(0).any()
    drawn = readers.files(dataset(**changes, splits={"random": {"val": 0.5}}), root)
    assert [name for name, _ in drawn["all"]] == ["a", "b"]
    refused = dataset(images="{name}.png", splits={"random": {"val": 0.5}})
    with pytest.raises(InputError, match=r"b.json: no such file"):
        prepare(refused, root, None, root / "out", "f")
    (root / "b.json").symlink_to("nowhere")
    with pytest.raises(InputError, match=r"b.json: no such file"):
        prepare(dataset(**changes), root, None, root / "out", "f")


@pytest.mark.parametrize("task", ["multiclass", "multitask"])
def test_a_test_split_without_annotations_is_predicted(root, task):
    write(root, "c")
    (root / "c.json").unlink()
    (root / "test.txt").write_text("c\n")
    lists = {split: f"{split}.txt" for split in ("train", "val", "test")}
    manifest = prepare(dataset(splits=lists, task=task), root, None, root / "out", "f")
    assert manifest["splits"]["test"]["labeled"] is False
    write(root, "c", CELL)
    manifest = prepare(dataset(splits=lists, task=task), root, None, root / "out", "f")
    assert manifest["splits"]["test"].get("labeled", True)


def test_all_annotations_of_folders_or_of_one(root):
    for split in ("train", "val"):
        (root / split).mkdir()
        write(root / split, split[0], CELL)
    found = readers.files(dataset(annotations="{split}/{name}.json", splits={"folders": ["train", "val"]}), root)
    assert found["val"] == [("v", [root / "val/v.png", root / "val/v.json"])]
    drawn = readers.read(dataset(splits={"random": {"val": 0.5}}), root)
    assert [one.name for one in drawn["all"]] == ["a", "b", "train/t", "val/v"]


def test_all_that_is_wrong_is_named_at_once(root):
    write(
        root,
        "a",
        shape("cell", [[1, 1]], "point"),
        shape("cell", [[1, 1], [2, 2]]),
        shape("cell", [[1, 1], [2, 2], [3]]),
        shape("cell", [[1, 1], [2, 2], [float("nan"), 3]]),
        shape("scratch", [[1, 1], [2, 2]], "line"),
        shape("cell", [[1, 1], [2, 2]], "mask", mask=encoded(np.ones((3, 3), np.uint8))),
        shape("cell", [[1, 1], [2, 2]], "mask", mask="no image"),
        shape("cell", [[1, 1], [2, 2]], ["circle"]),
        shape("cell", [[1, 1], [2, 1], [2, 2]], group_id=[1]),
        shape("cel", [[1, 1], [2, 1], [2, 2]]),
        {"points": [[1, 1], [2, 1], [2, 2]]},
    )
    (root / "b.json").write_text('{"shapes": [')
    with pytest.raises(InputError) as caught:
        prepare(dataset(), root, None, root / "out", "f")
    expected = [
        "a.json: shape 1 (cell) is a 'point'; shapes with an area are polygon, rectangle",
        "a.json: shape 2 (cell) is a polygon with 2 points; it needs at least 3.",
        "a.json: shape 3 (cell) has points that are not pairs of numbers.",
        "a.json: shape 4 (cell) has a point that is not finite.",
        "a.json: shape 5 (scratch) is a line, which covers no pixel. Say how wide lines are with `line_width`",
        "a.json: shape 6 (cell) is a mask of 3x3 pixels, its points say that it reaches from 1, 1 to 2, 2.",
        "a.json: shape 7 (cell) is a mask that cannot be read",
        "a.json: shape 8 (cell) is a ['circle']; shapes with an area are",
        "a.json: shape 9 (cell) has the group_id [1]; it is a number.",
        "a.json: shape 11 has no label, but None.",
        "a.json: shape 10: the label 'cel' means nothing in this data set. Did you mean 'cell'?",
        "b.json: is no JSON",
    ]
    assert len(caught.value.problems) == len(expected)
    for problem, part in zip(caught.value.problems, expected, strict=True):
        assert part in problem


def test_a_fifo_is_one_line_and_no_wait(root):
    (root / "a.json").unlink()
    os.mkfifo(root / "a.json")
    with pytest.raises(InputError) as caught:
        prepare(dataset(), root, None, root / "out", "f")
    (problem,) = caught.value.problems
    assert "a.json" in problem


def test_an_image_that_is_not_where_the_annotation_says(root):
    write(root, "a", CELL, SCRATCH, imagePath="old.png")
    with pytest.raises(InputError, match=r"imagePath is .old\.png., but there is no such file, nor one of its name"):
        prepare(dataset(), root, None, root / "out", "f")
    assert readers.files(dataset(), root)["train"] == [("a", [root / "a.json"] * 2)]
    assert prepare(dataset(images="{name}.png"), root, None, root / "out", "f")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[1]", "list `shapes` lacks, found list"),
        ('{"images": []}', "list `shapes` lacks, found the keys images"),
        ("[" * 100_000, "is no JSON"),
        ('{"shapes": [], "imageHeight": "8", "imageWidth": 10}', "imageHeight is '8', imageWidth 10; both are numbers"),
    ],
)
def test_what_is_no_annotation(root, text, problem):
    (root / "a.json").write_text(text)
    assert problem in item(root).problems[0]


def test_patterns_go_with_splits():
    with pytest.raises(InputError, match=r"splits names folders, but '\{name\}.json' has no \{split\}"):
        dataset(splits={"folders": ["train", "val"]})
    with pytest.raises(InputError, match=r"a pattern holds \{name\}"):
        dataset(annotations="labels.json")
