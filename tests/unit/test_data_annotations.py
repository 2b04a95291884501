"""Annotations with named labels: what they mean, how they are drawn, and what is refused."""

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from pycocotools import mask as coco

from segsweep.config.annotated_dataset import AnnotatedDataset
from segsweep.data.annotations import AnnotatedImage, Annotation, annotated_items
from segsweep.data.annotations.checks import check
from segsweep.data.annotations.drawing import draw
from segsweep.data.annotations.label_table import label_table
from segsweep.data.annotations.run_lengths import mask_array
from segsweep.data.classes import class_table
from segsweep.data.decoding import decode

CAT = 3
CLASSES = {0: "background", CAT: "cat", 7: "dog"}


class Tool(AnnotatedDataset):
    """The keys of all annotated data sets, and none besides."""

    reader: Literal["tool"] = "tool"


def tool(**changes):
    return Tool(**({"name": "tool", "classes": CLASSES} | changes))


def square(label, left, top, side, **more):
    right, bottom = left + side, top + side
    ring = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return Annotation(label, [ring], location=f"a.json: {label}", **more)


def test_pixels_lie_between_the_corners_and_later_annotations_cover_earlier_ones():
    found = draw([square("cat", 1, 1, 3), square("dog", 2, 0, 2)], 4, 5, label_table(tool()))
    assert found.tolist() == [[0, 0, 7, 7, 0], [0, 3, 7, 7, 0], [0, 3, 3, 3, 0], [0, 3, 3, 3, 0]]


def test_of_two_that_overlap_the_smaller_one_can_be_seen():
    dataset = tool(overlaps="smaller", void_labels=["blur"])
    found = [square("blur", 0, 1, 3), square("dog", 1, 0, 1), square("cat", 0, 0, 2), square("dog", 0, 0, 3)]
    (item,) = items(found, dataset)
    assert item.mask(4, 4).tolist() == [[3, 7, 7, 0], [255, 255, 255, 0], [255, 255, 255, 0], [255, 255, 255, 0]]
    assert items(found, tool(void_labels=["blur"]))[0].mask(4, 4)[0].tolist() == [7, 7, 7, 0]


def test_void_covers_all_and_labels_of_the_background_erase():
    table = label_table(tool(void_labels=["blur"], background_labels=["hole"]))
    assert draw([square("blur", 0, 0, 1), square("cat", 0, 0, 2)], 2, 2, table).tolist() == [[255, 3], [3, 3]]
    assert draw([square("cat", 0, 0, 2), square("hole", 1, 1, 1)], 2, 2, table).tolist() == [[3, 3], [3, 0]]


def test_pixels_in_no_annotation_can_be_void_or_another_class():
    one = [square("cat", 0, 0, 1)]
    assert draw(one, 1, 2, label_table(tool(classes={0: "sky", 1: "cat"}, unannotated="void"))).tolist() == [[1, 255]]
    assert draw(one, 1, 2, label_table(tool(classes={0: "cat", 1: "dog"}, unannotated="dog"))).tolist() == [[0, 1]]


def test_labels_that_are_named_nowhere_are_drawn_where_a_star_says_so():
    assert label_table(tool()).value("cow") is None
    assert label_table(tool(background_labels=["*"])).value("cow") == 0
    assert label_table(tool(void_labels=["*"], background_labels=["cow"])).value("cow") == 0


def test_labels_of_a_pixel_have_a_channel_each():
    dataset = tool(task="multilabel", classes={0: "cat", 1: "dog"}, void_labels=["blur"], background_labels=["hole"])
    drawn = [square("blur", 0, 1, 1), square("cat", 0, 0, 2), square("dog", 1, 0, 1), square("hole", 0, 0, 2)]
    found = draw(drawn, 2, 3, label_table(dataset))
    assert found[..., 0].tolist() == [[1, 1, 0], [255, 1, 0]]
    assert found[..., 1].tolist() == [[0, 1, 0], [255, 0, 0]]
    found = draw(drawn[1:], 2, 3, label_table(dataset.model_copy(update={"unannotated": "void"})))
    assert found[..., 0].tolist() == [[1, 1, 255], [1, 1, 255]]


def test_binary_labels_are_the_foreground_and_its_opposite():
    dataset = tool(task="binary", classes={0: "crack", 9: "background"}, foreground="crack")
    table = class_table(dataset)
    (item,) = items([square("crack", 0, 0, 1)], dataset)
    sample, problems = decode(item, table, True)
    assert problems == []
    assert sample.mask.tolist() == [[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def items(found, dataset, **more):
    image = AnnotatedImage("a", np.zeros((3, 4, 3), np.uint8), found, **more)
    return annotated_items(dataset, {"train": [image]})["train"]


def test_boxes_are_the_extents_or_what_the_file_says_cut_at_the_edges():
    dataset = tool(task="multitask", void_labels=["blur"])
    mask = np.array([[0, 1], [0, 1], [0, 0]], bool)
    found = [
        square("cat", 0.5, -0.5, 2, ignored=True),
        Annotation("dog", mask=mask, corner=(2, 0)),
        square("blur", 0, 0, 1),
        square("background", 0, 0, 1),
        square("dog", 1, 1, 1, box=(0, 1, 3, 2.5)),
        Annotation("cat", [[(0.25, 0), (0.5, 0), (0.5, 1)]], relative=True),
    ]
    (item,) = items(found, dataset)
    sample, problems = decode(item, class_table(dataset), True)
    assert problems == []
    assert sample.boxes.tolist() == [[0.5, 0, 2.5, 1.5], [3, 0, 4, 2], [0, 1, 3, 2.5], [1, 0, 2, 3]]
    assert sample.labels.tolist() == [0, 1, 1, 0]
    assert sample.ignored.tolist() == [True, False, False, False]
    assert sample.mask[0, 0] == 255  # void
    assert sample.mask[:2, 3].tolist() == [2, 2]  # the mask of the second dog


def test_a_label_that_means_nothing_is_named_once_for_the_whole_data_set():
    members = [
        AnnotatedImage(name, Path(f"{name}.png"), [square("kat", 0, 0, 1), square("dog", 0, 0, 1)]) for name in "abc"
    ]
    found = annotated_items(tool(), {"train": members[:2], "val": members[2:]})
    problems = [problem for split in found.values() for item in split for problem in item.problems]
    assert len(problems) == 1
    assert problems[0].startswith("a.json: kat and 2 further annotations: the label 'kat' means nothing")
    assert "Did you mean 'cat'?" in problems[0]


def test_an_image_without_a_file_of_annotations_has_no_mask():
    (item,) = items(None, tool())
    assert item.mask is None
    assert decode(item, class_table(tool()), True)[1] != []


NAN = float("nan")


@pytest.mark.parametrize(
    ("annotation", "problem"),
    [
        (Annotation("cat", location="a.json: 1"), r"a\.json: 1: 'cat' has no outline; .* Add one, or delete it"),
        (Annotation("cat", box=(0, 0, 1, 1)), r"'cat' has a box but no outline"),
        (Annotation("cat", [[]]), r"'cat' has 0 corners and no area"),
        (Annotation("cat", [[(0, 0), (1, 1)]]), r"'cat' has 2 corners and no area"),
        (Annotation("cat", [[(0, 0), (1, 1), (2, 2)]]), r"3 corners and no area"),
        (Annotation("cat", [[(0, 0), (1, NAN), (2, 2)]]), r"corners that are not finite"),
        (square("cat", 3, 1, 4), r"reaches from x 3, y 1 to x 7, y 5; the image has 4x3 pixels"),
        (square("cat", 4, 1, 0.5), r"reaches from x 4"),
        (square("cat", -0.5, 1, 0.5), r"to x 0, y 1\.5; the image has"),
        (square("cat", 0, 0, 1, relative=True), None),
        (square("cat", 0, 0, 2, relative=True), r"to x 8, y 6"),
        (square("cat", 0, 0, 1, box=(2, 2, 1, 3)), r"has an empty box: x 2 to 1"),
        (square("cat", 0, 0, 1, box=(1, 1, 9, 3)), r"its box, reaches from x 1, y 1 to x 9"),
        (square("cat", -2, -2, 5, cut_off=True), None),  # as a circle at the edge
        (square("cat", 4, 1, 2, cut_off=True), r"reaches from x 4"),
        (square("cat", -9, -9, 10, cut_off=True), r"reaches from x -9"),
        (Annotation("cat", mask=np.ones((2, 2), bool), corner=(3, 0)), r"has 2x2 pixels from x 3, y 0"),
        (Annotation("cat", mask=np.zeros((2, 2), bool)), r"covers no pixel"),
        (Annotation("cat", mask={"size": [4, 3], "counts": [0, 12]}), r"are those of 3x4 pixels .* has 4x3"),
        (Annotation("cat", mask={"size": [3, 4], "counts": [3, 4]}), r"add up to 7 pixels, its size is 4x3"),
        (Annotation("cat", mask={"size": [3, 4], "counts": [13, -1]}), r"add up to 12 pixels"),
        (Annotation("cat", mask={"size": [3, 4], "counts": [1.5, 10.5]}), r"whole numbers, or a compressed text"),
        (Annotation("cat", mask={"size": [3, 4]}), r"its counts are None"),
        (Annotation("cat", mask={"size": [3, 4], "counts": ""}), r"add up to 0 pixels"),
        (Annotation("cat", mask={"size": [3, 4], "counts": "~"}), r"a character '~'"),
        (Annotation("cat", mask={"size": [3, 4], "counts": "o"}), r"ends within a number"),
        (Annotation("cat", mask={"counts": [12]}), r"its size is None"),
        (Annotation("cat", mask={"size": [True, True], "counts": [1]}), r"its size is \[True, True\]"),
        (square("cat", 0, 0, 1e300), r"to x 1e\+300, y 1e\+300; the image has"),
    ],
)
def test_what_cannot_be_an_annotation_of_the_image(annotation, problem):
    found = check(annotation, 3, 4)
    if problem is None:
        assert found == []
    else:
        assert len(found) == 1
        assert_matches(found[0], problem)


def assert_matches(text, pattern):
    with pytest.raises(ValueError, match=pattern):
        raise ValueError(text)


def test_problems_of_all_annotations_come_together_and_with_those_of_the_item():
    (item,) = items([square("cat", 9, 9, 1), Annotation("dog", location="x"), square("cow", 0, 0, 1)], tool())
    problems = decode(item, class_table(tool()), True)[1]
    assert ["cow" in problems[0], "cat" in problems[1], "dog" in problems[2]] == [True] * 3
    assert len(problems) == 3


@pytest.mark.parametrize("seed", range(5))
def test_run_lengths_agree_with_pycocotools(seed):
    generator = np.random.default_rng(seed)
    mask = np.repeat(np.repeat(generator.random((9, 7)) < 0.4, 40, 0), seed + 1, 1)  # runs of more than 5 and 10 bits
    encoded = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    text = encoded["counts"].decode()
    assert (mask_array({"size": list(mask.shape), "counts": text}) == mask).all()
    column = mask.T.ravel()
    edges = np.flatnonzero(np.diff(column.astype(int), prepend=0))
    runs = np.diff([0, *edges, len(column)]).tolist()
    assert (mask_array({"size": list(mask.shape), "counts": runs}) == mask).all()


@pytest.mark.parametrize("seed", range(5))
def test_a_drawn_polygon_has_the_pixels_whose_centers_lie_in_it_up_to_its_edge(seed):
    shapely = pytest.importorskip("shapely")
    corners = np.random.default_rng(seed).uniform(0, 40, (5, 2))
    polygon = shapely.convex_hull(shapely.MultiPoint(corners))
    ring = np.asarray(polygon.exterior.coords)[:-1]
    covered = draw([Annotation("cat", [ring])], 40, 40, label_table(tool())) == CAT
    y, x = np.mgrid[:40, :40] + 0.5
    centers = shapely.points(x, y)
    inside = shapely.contains(polygon, centers)
    near_the_edge = shapely.distance(polygon.exterior, centers) < 0.75
    assert (covered == inside)[~near_the_edge].all()
    assert abs(covered.sum() - polygon.area) < 0.35 * polygon.length


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"classes": {0: "cat", 1: "dog"}}, r"unannotated is 'background', .*allowed: cat, dog, void.*add one"),
        ({"unannotated": "cow"}, r"unannotated is 'cow'"),
        ({"task": "multilabel", "classes": {0: "cat"}, "unannotated": "cat"}, r"allowed: background, void"),
        ({"task": "multitask", "unannotated": "dog"}, r"it is the first class, which has no boxes \(background\)"),
        ({"void_labels": ["cat"]}, r"'cat': a label is a class, in background_labels or in void_labels"),
        ({"void_labels": ["*"], "background_labels": ["*"]}, r"'\*': a label"),
        ({"unannotated": "void", "background_labels": ["hole"]}, r"names hole, but with `unannotated: void`"),
        ({"void": []}, r"at least 1 item"),
        ({"void": [254, 255]}, r"at most 1 item"),
        ({"task": "text", "classes": None}, r"cannot serve 'text'"),
    ],
)
def test_keys_that_contradict_each_other(changes, problem):
    with pytest.raises(ValueError, match=problem):
        tool(**changes)
