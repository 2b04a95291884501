"""Images: which are chosen, what is drawn, how sheets are laid out."""

import numpy as np
import pandas as pd
import pytest

from segsweep.inference.predictor import Annotations
from segsweep.report.images import drawing
from segsweep.report.images.selection import cells_of, column_for, images_of
from segsweep.report.images.sheets import Panel, PanelPainter, compose, match_text, save

# What people without one kind of cone see of linear RGB. Source: Machado, Oliveira, Fernandes, A Physiologically-based
# Model for Simulation of Color Vision Deficiency, 2009, table 1 (severity 1).
BLINDNESS = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    "none": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
}


def lab(colour, kind):
    """CIELAB of an sRGB colour as people with a colour vision deficiency see it."""
    c = np.array(colour) / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.array(BLINDNESS[kind]) @ linear, 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ linear
    f = np.cbrt(np.maximum(xyz / [0.9505, 1, 1.089], 0.008856))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("kind", BLINDNESS)
def test_error_colours_can_be_told_apart(kind):
    shown = [drawing.RIGHT, drawing.FALSE_POSITIVE, drawing.FALSE_NEGATIVE, (228, 228, 228)]  # the last is paled paper
    for i, one in enumerate(shown):
        for other in shown[:i]:
            assert np.linalg.norm(lab(one, kind) - lab(other, kind)) > 20


def test_errors_of_one_class():
    image = np.full((1, 5, 3), 100, np.uint8)
    ground_truth = np.array([[1, 1, 0, 0, 255]], np.uint8)
    found = np.array([[1, 0, 1, 0, 1]], np.uint8)
    painted = drawing.errors(image, ground_truth, found, background=0)[0]
    paled = 200 + 100 * 55 // 255
    assert [tuple(map(int, pixel)) for pixel in painted] == [
        drawing.RIGHT, drawing.FALSE_NEGATIVE, drawing.FALSE_POSITIVE, (paled,) * 3, (paled,) * 3
    ]  # fmt: skip


def test_errors_of_many_classes():
    image = np.zeros((1, 3, 3), np.uint8)
    ground_truth, found = np.array([[0, 1, 255]], np.uint8), np.array([[0, 2, 2]], np.uint8)
    painted = drawing.errors(image, ground_truth, found, background=None)[0]
    assert [tuple(map(int, pixel)) == drawing.OTHER_CLASS for pixel in painted] == [False, True, False]
    with_background = drawing.errors(image, np.array([[1, 1, 0]], np.uint8), np.array([[2, 0, 2]], np.uint8), 0)[0]
    assert [tuple(map(int, pixel)) for pixel in with_background] == [
        drawing.OTHER_CLASS, drawing.FALSE_NEGATIVE, drawing.FALSE_POSITIVE
    ]  # fmt: skip


def test_overlay_leaves_the_background_and_what_it_was_given():
    image = np.full((2, 2, 3), 50, np.uint8)
    painted = drawing.overlay(
        image, np.array([[0, 1], [0, 1]], np.uint8), np.array([[0, 0, 0], [200, 0, 0]]), unpainted=0
    )
    assert (painted[:, 0] == 50).all()
    assert painted[0, 1].tolist() == [140, 20, 20]
    assert (image == 50).all()


def test_fit_keeps_pixels_square_and_sides_within_bounds():
    image = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    large, factor = drawing.fit(image, 10, 100)
    assert (large.shape, factor) == ((8, 12, 3), 4.0)
    assert (large[::4, ::4] == image).all()
    small, factor = drawing.fit(np.zeros((100, 400, 3), np.uint8), 10, 200)
    assert (small.shape, factor) == ((50, 200, 3), 0.5)


def test_boxes_and_polygons_scale_with_the_image():
    painted = drawing.boxes(
        np.zeros((40, 40, 3), np.uint8), np.array([[2.0, 2.0, 10.0, 8.0]]), [""], [(255, 0, 0)], 2.0
    )
    rows, columns = np.nonzero(painted[..., 0])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (3, 16, 3, 20)
    outlined = drawing.polygons(np.zeros((40, 40, 3), np.uint8), [np.array([[5, 5], [15, 5], [15, 15]])], [(0, 255, 0)])
    assert outlined[8, 13, 1] > 0
    assert outlined[30, 30, 1] == 0


def test_classes_have_colours_of_their_own():
    for count in (2, 7, 20):
        names = [f"c{i}" for i in range(count)]
        assert len({tuple(colour) for colour in drawing.class_colours(names).tolist()}) == count
        with_background = drawing.class_colours(["background", *names])
        assert with_background.shape == (count + 1, 3)
        assert with_background[0].tolist() == [0, 0, 0]


SCORES = pd.DataFrame(
    {"run": "r", "image": ["a", "b", "c", "d"], "jaccard": [0.5, 0.9, 0.1, 0.7]}, index=[10, 11, 12, 13]
)


def test_best_and_worst_images():
    chosen = images_of("best 2 and worst 1", ["a", "b", "c", "d"], SCORES, "val/jaccard")
    assert [(one.image, one.why, one.value, one.row) for one in chosen] == [
        ("b", "best", 0.9, 12),
        ("d", "best", 0.7, 14),
        ("c", "worst", 0.1, 13),
    ]
    lowest = images_of("best 1 and worst 1", ["a", "b", "c", "d"], SCORES, "val/jaccard", minimize=True)
    assert [one.image for one in lowest] == ["c", "b"]


def test_few_images_are_not_shown_twice():
    chosen = images_of("best 3 and worst 3", ["a", "b", "c", "d"], SCORES, "val/jaccard")
    assert [(one.image, one.why) for one in chosen] == [("b", "best"), ("d", "best"), ("a", "best"), ("c", "worst")]


def test_first_images_and_those_without_scores():
    assert [one.image for one in images_of("first 2", ["x", "a", "b"], SCORES, "val/jaccard")] == ["x", "a"]
    nothing = pd.DataFrame(columns=["run", "cell", "image"])
    assert [one.image for one in images_of("best 1 and worst 1", ["x", "y", "z"], nothing, "val/miou")] == ["x", "y"]
    assert column_for(SCORES, "val/miou") == "jaccard"


def test_cells_asked_for():
    assert cells_of("best", ["a", "b", "c"]) == ["a"]
    assert cells_of("top 2", ["a", "b", "c"]) == ["a", "b"]
    assert cells_of("all", ["a", "b", "c"]) == ["a", "b", "c"]
    many = [f"c{i}" for i in range(40)]
    assert cells_of("all", many) == many[:12]
    assert cells_of("top 30", many) == many[:30]


SQUARE = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], np.float32)


def test_text_is_parted_as_it_is_scored():
    found = Annotations(polygons=[SQUARE, SQUARE + 1, SQUARE + 50, SQUARE + 201])
    ground_truth = Annotations(polygons=[SQUARE, SQUARE + 100, SQUARE + 200], ignored=np.array([False, False, True]))
    parts = match_text(found, ground_truth)
    assert [[float(outline[0, 0]) for outline in part] for part in parts] == [[0], [1, 50], [100], [200, 201]]
    assert [len(part) for part in match_text(Annotations(), Annotations(polygons=[SQUARE]))] == [0, 0, 1, 0]


class Words:
    """As much of prepared words as a painter asks for."""

    task, classes, has_masks = "text", [], False


class Things:
    """As much of prepared masks with boxes as a painter asks for."""

    task, classes, num_classes, has_masks = "multitask", ["background", "thing"], 2, True


def colours_in(image):
    return {tuple(colour) for colour in image.reshape(-1, 3).tolist()}


@pytest.mark.parametrize("show", ["predictions", "errors"])
def test_words_that_are_not_scored_are_dashed_and_named(show):
    image = np.zeros((40, 40, 3), np.uint8)
    ground_truth = Annotations(polygons=[SQUARE + 2, SQUARE + 22], ignored=np.array([False, True]))
    painter = PanelPainter(Words(), show, most=40, least=40)
    painted = (
        painter.ground_truth(image, ground_truth)
        if show == "predictions"
        else painter.prediction(image, Annotations(), ground_truth)
    )
    scored = drawing.GROUND_TRUTH if show == "predictions" else drawing.FALSE_NEGATIVE
    assert scored in colours_in(painted[:18, :18])
    assert drawing.UNSCORED not in colours_in(painted[:18, :18])
    edge = [tuple(pixel) == drawing.UNSCORED for pixel in painted[22, 22:33].tolist()]
    assert any(edge)
    assert not all(edge)  # dashes
    assert colours_in(painted[24:31, 24:31]) == {(0, 0, 0)}  # nothing inside
    assert painter.legend([ground_truth, Annotations()])[-1] == ("not scored (dashed)", drawing.UNSCORED)
    assert ("not scored (dashed)", drawing.UNSCORED) not in painter.legend([Annotations(polygons=[SQUARE])])


def test_boxes_that_are_not_scored_are_dashed():
    boxes = np.array([[2.0, 2.0, 12.0, 12.0], [22.0, 22.0, 32.0, 32.0]])
    ground_truth = Annotations(np.zeros((40, 40), np.uint8), boxes, np.array([0, 0]), ignored=np.array([False, True]))
    painter = PanelPainter(Things(), "predictions", most=40, least=40)
    painted = painter.ground_truth(np.zeros((40, 40, 3), np.uint8), ground_truth)
    assert drawing.UNSCORED in colours_in(painted[20:, 20:])
    assert drawing.UNSCORED not in colours_in(painted[:18, :18])
    assert tuple(painter.colours[1].tolist()) in colours_in(painted[:18, :18])
    assert painter.legend([ground_truth]) == [("not scored (dashed)", drawing.UNSCORED)]


def test_a_sheet_holds_its_panels(tmp_path):
    red = np.zeros((30, 40, 3), np.uint8) + np.array([255, 0, 0], np.uint8)
    rows = [[Panel("one", red), Panel("two", None, "no run")], [Panel("three", red)]]
    sheet = compose(rows, [("true positive", drawing.RIGHT)], ["lr=1e-4", "lr=5e-4"])
    assert (np.asarray(sheet) == [255, 0, 0]).all(axis=2).sum() == 2 * 30 * 40
    assert (np.asarray(sheet) == drawing.RIGHT).all(axis=2).sum() > 100
    save(sheet, tmp_path / "images" / "sheet.jpg")
    assert (tmp_path / "images" / "sheet.jpg").stat().st_size < 20_000
