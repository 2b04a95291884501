"""Shrinking and growing, target maps, post-processing."""

import numpy as np
import pytest
import shapely

from segsweep.config.train import Postprocess
from segsweep.text.geometry import covered, iou, offset, rotated_box, shrink_distance, unclip_distance
from segsweep.text.postprocess import detect
from segsweep.text.targets import targets


def rectangle(x: float, y: float, width: float, height: float, degrees: float = 0.0) -> np.ndarray:
    """A quad around its centre (x, y), turned clockwise on screen."""
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (width / 2, height / 2)
    a = np.deg2rad(degrees)
    return (corners @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]) + (x, y)).astype(np.float32)


SQUARE = np.array([[10, 10], [30, 10], [30, 30], [10, 30]], np.float32)


def test_distances_by_hand():
    # area 400, perimeter 80
    assert shrink_distance(SQUARE, 0.4) == pytest.approx(400 * 0.84 / 80)
    assert unclip_distance(SQUARE, 1.5) == pytest.approx(7.5)
    assert shrink_distance(SQUARE[:2], 0.4) == 0


def test_offset_of_a_square():
    (inner,) = offset(SQUARE, -4.2)
    assert np.sort(inner, axis=0)[[0, -1]].tolist() == [[pytest.approx(14.2)] * 2, [pytest.approx(25.8)] * 2]
    assert offset(SQUARE, -10.5) == []
    assert offset(np.zeros((4, 2)), 3) == [] or all(len(p) for p in offset(np.zeros((4, 2)), 3))


def test_offset_agrees_with_shapely():
    quad = rectangle(40, 30, 50, 18, 25)
    for distance in (-4.0, 6.5):
        (ours,) = offset(quad, distance)
        other = shapely.Polygon(quad).buffer(distance, quad_segs=32)
        assert shapely.Polygon(ours).symmetric_difference(other).area < 0.005 * other.area


def test_a_neck_tears_apart():
    dumbbell = np.array(
        [[0, 0], [20, 0], [20, 9], [40, 9], [40, 0], [60, 0], [60, 20], [40, 20], [40, 11], [20, 11], [20, 20], [0, 20]]
    )
    assert len(offset(dumbbell, -2)) == 2


def test_rotated_box_and_its_order():
    box, side = rotated_box(rectangle(50, 40, 30, 10, 20)[[2, 0, 3, 1]])
    assert side == pytest.approx(10, abs=0.05)
    np.testing.assert_allclose(box, rectangle(50, 40, 30, 10, 20), atol=0.05)


def test_overlaps_by_hand():
    a = [SQUARE, SQUARE + 100]
    b = [SQUARE + (10, 0), np.array([[20, 0], [40, 20], [20, 40], [0, 20]])]  # shifted by half; the diamond around it
    np.testing.assert_allclose(iou(a, b), [[1 / 3, 0.5], [0, 0]])
    np.testing.assert_allclose(covered(b, a), [[0.5, 0], [0.5, 0]])
    assert iou([], b).shape == (0, 2)
    bowtie = SQUARE[[0, 2, 1, 3]]
    np.testing.assert_allclose(iou([bowtie], [SQUARE]), [[0.5]])
    assert iou([SQUARE[:2]], [SQUARE]).tolist() == [[0]]


def test_targets_of_a_square_by_hand():
    # Edges at the centres of the pixels 20 and 60; D = 1600 * 0.84 / 160 = 8.4
    square = np.array([[20, 20], [60, 20], [60, 60], [20, 60]], np.float32) + 0.5
    shrink, shrink_mask, border, border_mask = targets([square], np.array([False]), 96, 96)
    assert shrink_mask.all()
    inside = np.argwhere(shrink)  # kernel 28.4..51.6, drawn from 28 to 52
    assert inside.min(axis=0).tolist() == [28, 28]
    assert inside.max(axis=0).tolist() == [52, 52]
    assert shrink.sum() == 25**2
    assert border[40, 20] == pytest.approx(0.7)  # on the edge
    assert border[40, 24] == pytest.approx(0.3 + 0.4 * (1 - 4 / 8.4))  # 4 pixels within
    assert border[40, 16] == pytest.approx(0.3 + 0.4 * (1 - 4 / 8.4))  # 4 pixels without
    assert border[17, 16] == pytest.approx(0.3 + 0.4 * (1 - 5 / 8.4))  # 3 and 4 pixels from the corner
    assert border[40, 40] == pytest.approx(0.3)
    assert border[0, 0] == pytest.approx(0.3)
    assert border_mask[40, 12]
    assert not border_mask[40, 10]
    assert border_mask[40, 40]


def test_ignored_and_small_words_teach_nothing():
    small = rectangle(70, 20, 30, 6)
    beyond = rectangle(0.5, 80.5, 40, 20)  # half of it lies outside
    maps = targets([SQUARE, small, beyond, SQUARE + 500], np.array([True, False, False, False]), 96, 96)
    assert not maps.shrink_mask[20, 20]
    assert not maps.shrink_mask[20, 70]
    assert not maps.shrink[:40].any()
    assert not maps.border_mask[:40].any()
    assert maps.shrink[80, 0]  # a word that the crop cuts keeps its centre line
    assert maps.border[80, 0] == pytest.approx(0.3)
    assert maps.border[80, 20] == pytest.approx(0.7)


def test_a_words_size_is_measured_along_the_images_axes():
    """As the authors measure it: a slanted word teaches where it is at least 8 pixels wide and 8 pixels high."""
    slanted = rectangle(50, 50, 40, 6, 45)  # 6 pixels thin, within 32.5 x 32.5 pixels
    assert targets([slanted], np.zeros(1, bool), 96, 96).shrink[50, 50]
    assert not targets([slanted], np.zeros(1, bool), 96, 96, min_side=33).shrink.any()
    generator = np.random.default_rng(0)
    taught = {True: 0, False: 0}
    for _ in range(60):
        word = rectangle(50, 50, *generator.uniform((12, 5), (30, 10)), generator.uniform(-12, 12))
        left, top, right, bottom = shapely.Polygon(word).bounds
        maps = targets([word], np.zeros(1, bool), 100, 100)
        enough = min(right - left, bottom - top) >= 8
        assert bool(maps.shrink.any()) == enough
        assert bool(maps.shrink_mask[50, 50]) == enough
        taught[enough] += 1
    assert min(taught.values()) > 5


def test_nothing_to_draw():
    maps = targets([], np.zeros(0, bool), 32, 64)
    assert maps.shrink.shape == (32, 64)
    assert not maps.shrink.any()
    assert maps.shrink_mask.all()
    assert not maps.border_mask.any()


@pytest.mark.parametrize("degrees", [0, 17, -40])
def test_shrunk_words_are_found_again(degrees):
    words = [rectangle(60, 50, 70, 24, degrees), rectangle(140, 90, 60, 20, -degrees)]
    shrink = targets(words, np.zeros(2, bool), 140, 200).shrink
    found = detect(shrink, Postprocess())
    assert len(found.polygons) == 2
    # By hand, without turning: 24 x 70 shrinks to 9 x 55 and grows by 5.8 to 20.6 x 66.6: IoU 0.82, less drawn
    assert (iou(words, found.polygons).max(axis=1) > 0.65).all()
    assert (found.scores > 0.8).all()
    shaped = detect(shrink, Postprocess(shape="polygon"))
    assert (iou(words, shaped.polygons).max(axis=1) > 0.6).all()
    assert all(len(polygon) > 4 for polygon in shaped.polygons)


def test_what_is_not_text():
    probability = np.zeros((64, 64), np.float32)
    probability[10:20, 5:40] = 0.5
    probability[40:42, 5:40] = 0.9  # too thin
    assert len(detect(probability, Postprocess(box_thresh=0.4)).polygons) == 1
    assert len(detect(probability, Postprocess(box_thresh=0.6)).polygons) == 0
    assert len(detect(probability, Postprocess(thresh=0.55, box_thresh=0.4)).polygons) == 0
    assert detect(np.zeros((8, 8)), Postprocess()).scores.shape == (0,)
    ring = np.zeros((64, 64), np.float32)
    ring[4:60, 4:60] = 1
    ring[25:40, 25:40] = 0.2
    assert len(detect(ring, Postprocess()).polygons) == 1  # the hole is no candidate
    many = np.zeros((64, 64), np.float32)
    many[4:12, 4:60] = many[20:28, 4:60] = many[40:48, 4:60] = 1
    assert len(detect(many, Postprocess(max_candidates=2)).polygons) == 2


def test_polygons_stay_inside_the_image():
    probability = np.zeros((40, 60), np.float32)
    probability[:12, :30] = 1
    (quad,) = detect(probability, Postprocess()).polygons
    assert quad.min() >= 0
    assert (quad <= (60, 40)).all()
