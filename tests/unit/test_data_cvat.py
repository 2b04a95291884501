"""Annotations of CVAT, by hand-made files."""

import numpy as np
import pytest
from PIL import Image

from segsweep.config.dataset import parse_dataset
from segsweep.data import readers
from segsweep.data.preparation import prepare
from segsweep.data.prepared import Prepared
from segsweep.errors import InputError

CLASSES = {0: "background", 1: "car", 2: "road"}
CAR = '<polygon label="car" points="1.00,1.00;5.0,1.0;5.0,4.0;1.0,4.0" z_order="1" occluded="0"/>'
ROAD = (
    '<box label="road" xtl="0.0" ytl="0.0" xbr="3.0" ybr="2.0" z_order="0"><attribute name="wet">no</attribute></box>'
)
HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version><meta/>'
WITH = "<annotations>{}</annotations>"


def dataset(**changes):
    values = {"name": "drawn", "reader": "cvat", "task": "multiclass", "classes": CLASSES}
    return parse_dataset(values | changes)


def image(name, *shapes, number=0, subset=""):
    of_subset = f' subset="{subset}"' if subset else ""
    return f'<image id="{number}" name="{name}"{of_subset} width="10" height="8">{"".join(shapes)}</image>'


def write(root, *images, file="annotations.xml"):
    (root / file).write_text(f"{HEAD}{''.join(images)}</annotations>")


@pytest.fixture
def root(tmp_path):
    write(tmp_path, image("a.png", CAR, ROAD, '<tag label="night"/>'), image("deep/b.png", CAR, ROAD, number=1))
    (tmp_path / "images/deep").mkdir(parents=True)
    for name in ("a.png", "deep/b.png"):
        Image.new("RGB", (10, 8)).save(tmp_path / "images" / name)
    (tmp_path / "train.txt").write_text("a\n")
    (tmp_path / "val.txt").write_text("deep/b\n")
    return tmp_path


def item(root, *shapes, **changes):
    write(root, image("a.png", *shapes))
    return readers.read(dataset(splits={"train": "train.txt"}, **changes), root)["train"][0]


def test_masks_are_the_shapes_in_the_order_of_their_layers(root):
    prepare(dataset(), root, None, root / "out", "f")
    mask = Prepared.open(root / "out").splits["train"].mask(0)
    expected = np.zeros((8, 10), np.uint8)
    expected[0:2, 0:3] = 2
    expected[1:4, 1:5] = 1  # z_order 1, though it stands first in the file
    assert mask.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ('<ellipse label="car" cx="4" cy="4" rx="2" ry="2"/>', ["0110", "1111", "1111", "0110"]),
        ('<ellipse label="car" cx="4" cy="4" rx="2" ry="1" rotation="90"/>', ["0110", "0110", "0110", "0110"]),
        ('<box label="car" xtl="2" ytl="3" xbr="6" ybr="5" rotation="90"/>', ["0110"] * 4),
        ('<polyline label="car" points="2,3;6,3"/>', ["1111", "1111", "0000", "0000"]),
        # 1 pixel without, 1 with, 1 without, 3 with: row by row in a box of 3x2 pixels.
        ('<mask label="car" rle="1, 1, 1, 3" left="3" top="3" width="3" height="2"/>',
         ["0000", "0010", "0111", "0000"]),
    ],
)  # fmt: skip
def test_kinds_of_shapes(root, shape, expected):
    found = item(root, shape, line_width=2)
    assert found.problems == []
    assert found.mask(8, 10)[2:6, 2:6].tolist() == [[int(value) for value in row] for row in expected]


@pytest.mark.parametrize(
    ("shape", "left"),
    [
        ('<ellipse label="car" cx="0" cy="4" rx="5" ry="2"/>', 5),
        ('<box label="car" xtl="-3" ytl="3" xbr="7" ybr="5" rotation="180"/>', 7),
        ('<polyline label="car" points="0,0;0,8"/>', 1),
    ],
)
def test_what_is_not_drawn_by_its_outline_may_reach_beyond_the_image(root, shape, left):
    found = item(root, shape, line_width=2)
    drawn = found.mask(8, 10)
    assert drawn[4, :left].all()
    assert not drawn[:, left:].any()


def test_names_of_a_windows_machine(root):
    write(root, image("a.png", CAR), image("deep\\b.png", CAR, number=1))
    assert readers.read(dataset(), root)["val"][0].image == root / "images/deep/b.png"


def test_boxes_are_the_extents_and_groups_are_one_object(root):
    parts = [f'<box label="car" xtl="{x}" ytl="1" xbr="{x + 2}" ybr="3" group_id="4"/>' for x in (0, 6)]
    found = item(root, *parts, ROAD, task="multitask")
    assert found.boxes(8, 10) == [(0, 1, 8, 3), (0, 0, 3, 2)]
    assert found.labels == [0, 1]


def test_what_the_file_says_of_other_images_changes_nothing(root):
    before = readers.files(dataset(), root)
    assert before["val"][0][1][0] == root / "images/deep/b.png"
    write(root, image("new.png", CAR), image("a.png", CAR, number=1), image("deep/b.png", CAR, ROAD, number=2))
    after = readers.files(dataset(), root)
    assert after["val"] == before["val"]
    assert after["train"] != before["train"]


def test_subsets_and_files_make_splits(root):
    images = (("a", "Train"), ("a", "Test"), ("b", "Train"))
    write(root, *(image(f"{name}.png", subset=subset) for name, subset in images))
    by_subset = dataset(splits={"folders": {"train": "Train", "val": "Test"}}, images="images/{split}")
    found = readers.files(by_subset, root)
    assert [name for name, _ in found["train"]] == ["a", "b"]
    assert found["val"][0][1][0] == root / "images/Test/a.png"
    for split in ("train", "val"):
        write(root, image(f"{split}.png"), file=f"{split}.xml")
    by_file = dataset(splits={"folders": ["train", "val"]}, annotations="{split}.xml")
    named = {split: [one.name for one in items] for split, items in readers.read(by_file, root).items()}
    assert named == {"train": ["train"], "val": ["val"]}


@pytest.mark.parametrize(
    ("text", "changes", "problem"),
    [
        ("", {}, "annotations.xml: empty"),
        ("<annotations>", {}, "not valid XML"),
        ('<?xml version="1.0" encoding="utf-9"?><annotations/>', {}, "not valid XML (unknown encoding: utf-9)"),
        (WITH.format(image(".")), {}, "image 1 is called '.', no path in the folder of images"),
        (WITH.format(image("../a.png")), {}, "image 1 is called '../a.png', no path in the folder of images"),
        (WITH.format(image("a&#10;b.png")), {}, r"image 1 is called 'a\nb.png', no path in the folder of images"),
        (WITH.format(""), {"annotations": "all.xml"}, "all.xml: no such file"),
        ("<annotation><object/></annotation>", {}, "holds <annotation> without any <image>"),
        ('<annotations><track id="0"/></annotations>', {}, "holds 1 tracks of a video"),
        ('<annotations><image name="a.png"/></annotations>', {}, "image 1 ('a.png') lacks its name, width or height"),
        (WITH.format(image("a.png") * 2), {}, "has 1 image whose name another one has, as 'a'"),
        (WITH.format(image("a.png", subset="Train")), {"splits": {"folders": ["train", "val"]}},
         "no image is of the subset 'train'; subsets are Train"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_used(root, text, changes, problem):
    (root / "annotations.xml").write_text(text)
    with pytest.raises(InputError) as caught:
        readers.files(dataset(**changes), root)
    assert problem in caught.value.problems[0]


def test_a_name_that_the_file_has_not(root):
    (root / "train.txt").write_text("b\na.png\na\n")
    with pytest.raises(InputError) as caught:
        prepare(dataset(), root, None, root / "out", "f")
    file = root / "annotations.xml"
    expected = [f"{line}: {name!r} is none of the 2 images of {file}; names there are like 'a'" for line, name in
                ((1, "b"), (2, "a.png"))]  # fmt: skip
    assert [one in problem for one, problem in zip(expected, caught.value.problems, strict=True)] == [True, True]


def test_all_that_is_wrong_with_shapes_is_named_at_once(root):
    problems = item(
        root,
        '<points label="car" points="1,2"/>',
        '<polyline label="car" points="1,2;3,4"/>',
        '<polygon label="car" points="1,2;3"/>',
        '<box label="car" xtl="1" ytl="x" xbr="3" ybr="2"/>',
        '<mask label="car" rle="1,2" left="0" top="0" width="2" height="2"/>',
        '<mask label="car" rle="1000000000000" left="0" top="0" width="1000000" height="1000000"/>',
        '<box label="cra" xtl="1" ytl="1" xbr="3" ybr="2"/>',
        '<box label="car" xtl="1" ytl="1" xbr="3" ybr="2" z_order="top"/>',
    ).problems
    expected = [
        "annotations.xml: image 'a.png', shape 1 (car) is a 'points'; shapes with an area are polygon, box",
        "shape 2 (car) is a polyline, which covers no pixel. Say how wide lines are with `line_width`",
        "shape 3 (car) has the points '1,2;3', which are not x,y;x,y;...",
        "shape 4 (car) has {'label': 'car', 'xtl': '1', 'ytl': 'x', 'xbr': '3', 'ybr': '2'}; xtl, ytl, xbr, ybr are",
        "shape 5 (car) is a mask whose run lengths add up to 3 pixels, its box has 2x2",
        "shape 6 (car) is a mask whose run lengths add up to 1000000000000 pixels",
        "shape 8 (car) has {'label': 'car', 'xtl': '1', 'ytl': '1', 'xbr': '3', 'ybr': '2', 'z_order': 'top'}; z_order",
        "shape 7: the label 'cra' means nothing in this data set. Did you mean 'car'?",
    ]
    assert len(problems) == len(expected)
    for problem, part in zip(problems, expected, strict=True):
        assert part in problem
