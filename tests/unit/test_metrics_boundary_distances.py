"""HD95, surface Dice and Boundary IoU: by hand, against brute force, and against MONAI's own functions."""

import numpy as np
import pytest
import torch
from monai.metrics import compute_hausdorff_distance, compute_surface_dice

from segsweep import metrics
from segsweep.data.void import VOID
from segsweep.metrics import boundary_distances, boundary_iou, hd95, surface_dice
from segsweep.metrics.class_masks import ClassMasks


def masks(predicted, true, void=None):
    void = np.zeros(np.shape(true), bool) if void is None else void
    return ClassMasks(np.asarray(predicted, bool) & ~void, np.asarray(true, bool) & ~void, void)


def rectangle(top, left, height, width, shape=(40, 40)):
    mask = np.zeros(shape, bool)
    mask[top : top + height, left : left + width] = True
    return mask


def blobs(seed, shape=(48, 37), share=0.55):
    """A random mask with pieces and holes of some pixels."""
    noise = np.random.default_rng(seed).random((shape[0] // 4 + 1, shape[1] // 4 + 1))
    return np.kron(noise, np.ones((4, 4)))[: shape[0], : shape[1]] > share


def edge_pixels(mask, void):
    """By loops: pixels of a mask with one that is neither of it nor void at one of four sides, or the image's end."""
    height, width = mask.shape
    found = []
    for y, x in zip(*np.nonzero(mask & ~void), strict=True):
        sides = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
        outside = [not (0 <= i < height and 0 <= j < width) or not (mask[i, j] or void[i, j]) for i, j in sides]
        if any(outside):
            found.append((y, x))
    return np.array(found, float).reshape(-1, 2)


def brute_force(one):
    found, there = edge_pixels(one.predicted, one.void), edge_pixels(one.true, one.void)
    all_distances = np.linalg.norm(found[:, None] - there[None], axis=-1)
    to_true, to_found = all_distances.min(1), all_distances.min(0)
    near = (to_true <= 2).sum() + (to_found <= 2).sum()
    return max(np.percentile(to_true, 95), np.percentile(to_found, 95)), near / (len(to_true) + len(to_found))


def test_a_square_moved_by_three_pixels():
    # The edges have 16 pixels each, the true one in columns 10 to 14, the predicted one in 13 to 17. Of the latter the
    # five of column 13 are at most 1 away from the true one, two each of columns 14, 15, 16 at most 2, the five of
    # column 17 are 3 away; and likewise the other way round.
    hd, dice = boundary_distances.hd95_and_surface_dice(masks(rectangle(10, 13, 5, 5), rectangle(10, 10, 5, 5)))
    assert (hd, dice) == (3.0, pytest.approx(11 / 16))


def test_five_percent_of_the_edge_do_not_count():
    # A line of 100 pixels; the prediction has four pixels more, far from it: 4 of 104 distances.
    line = rectangle(5, 10, 1, 100, (64, 128))
    few, many = line | rectangle(60, 10, 1, 4, line.shape), line | rectangle(60, 10, 1, 20, line.shape)
    assert boundary_distances.hd95_and_surface_dice(masks(few, line)) == (0.0, pytest.approx(200 / 204))
    assert boundary_distances.hd95_and_surface_dice(masks(many, line))[0] == 55.0


def test_what_is_not_there():
    nothing, something = np.zeros((30, 40), bool), rectangle(5, 5, 10, 10, (30, 40))
    assert np.isnan(boundary_distances.hd95_and_surface_dice(masks(nothing, nothing))).all()
    assert np.isnan(boundary_iou.boundary_iou(masks(nothing, nothing))).all()
    for pair in ((nothing, something), (something, nothing)):
        assert boundary_distances.hd95_and_surface_dice(masks(*pair)) == (50.0, 0.0)  # the diagonal of 30 x 40
        assert boundary_iou.boundary_iou(masks(*pair)) == (0.0,)


@pytest.mark.parametrize("seed", range(5))
def test_distances_against_brute_force_with_void(seed):
    one = masks(blobs(seed), blobs(seed + 100), void=blobs(seed + 200, share=0.85))
    assert boundary_distances.hd95_and_surface_dice(one) == pytest.approx(brute_force(one), rel=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_without_void_the_scores_are_those_of_monai(seed):
    one = masks(blobs(seed), blobs(seed + 50))
    pair = [torch.from_numpy(mask)[None, None] for mask in (one.predicted, one.true)]
    hd = compute_hausdorff_distance(*pair, include_background=True, percentile=95).item()
    dice = compute_surface_dice(*pair, [2.0], include_background=True).item()
    assert boundary_distances.hd95_and_surface_dice(one) == pytest.approx((hd, dice), rel=1e-6)


def test_void_makes_no_edge():
    true = rectangle(0, 0, 40, 20)
    void = rectangle(0, 20, 40, 20)
    # The prediction reaches into void: the same mask where it counts.
    one = masks(rectangle(0, 0, 40, 30), true, void)
    assert boundary_distances.hd95_and_surface_dice(one) == (0.0, 1.0)
    assert boundary_iou.boundary_iou(one) == (1.0,)
    hidden = masks(true, true, rectangle(0, 0, 40, 40))
    assert np.isnan(boundary_distances.hd95_and_surface_dice(hidden)).all()


def test_boundary_iou_of_bands():
    # The diagonal of 300 x 400 is 500: bands of 10 pixels. A square of 100 has one of 100^2 - 80^2 = 3600 pixels.
    true = rectangle(100, 100, 100, 100, (300, 400))
    assert boundary_iou.boundary_iou(masks(true, true)) == (1.0,)
    inner = rectangle(110, 110, 80, 80, true.shape)  # its band begins where the other ends
    assert boundary_iou.boundary_iou(masks(inner, true)) == (0.0,)
    moved = rectangle(100, 105, 100, 100, true.shape)
    # In the 20 rows of the upper and lower bands 95 columns are common to both; in the 80 rows between, where one has
    # columns 100-109 and 190-199 and the other 105-114 and 195-204, ten are: 1900 + 800 = 2700 of 3600 each.
    assert boundary_iou.boundary_iou(masks(moved, true)) == (pytest.approx(2700 / (7200 - 2700)),)


def predictions_and_batch(pairs, sizes=None, classes=3):
    predictions = [{"mask": np.array(p, np.uint8), "probability": np.zeros((classes, *np.shape(p)))} for p, _ in pairs]
    batch = {"mask": torch.tensor(np.array([true for _, true in pairs])).long()}
    return predictions, batch | ({"size": sizes} if sizes else {})


def test_a_split_has_the_mean_of_its_images_by_class_and_over_classes():
    empty = np.zeros((30, 40), np.int64)
    true = empty + rectangle(5, 5, 10, 10, empty.shape)
    moved = empty + rectangle(5, 8, 10, 10, empty.shape)
    counts = boundary_distances.count(*predictions_and_batch([(true, true), (moved, true), (empty, empty)]))
    names = ["background", "cell", "nucleus"]
    images = hd95.compute(counts, names)
    assert images["hd95/cell"].tolist()[:2] == [0.0, 3.0]
    assert np.isnan(images["hd95/cell"][2])  # neither predicted nor there
    assert np.isnan(images["hd95/nucleus"]).all()
    split = hd95.compute({"hd95": counts["hd95"].sum(0)}, names)
    assert split["hd95/cell"] == 1.5  # two of the three images
    assert np.isnan(split["hd95/nucleus"])
    assert split["hd95"] == pytest.approx((1.5 + split["hd95/background"]) / 2)
    dice = surface_dice.compute({"surface_dice": counts["surface_dice"].sum(0)}, names)
    assert 0.5 < dice["surface_dice/cell"] < 1
    assert surface_dice.compute({"surface_dice": counts["surface_dice"].sum(0)[:2]}, ["cell"]) == {
        "surface_dice": pytest.approx(dice["surface_dice/cell"])
    }


def test_what_the_loader_added_is_no_part_of_the_image():
    true = np.zeros((32, 64), np.int64)
    true[:30, :40] = rectangle(5, 5, 10, 35, (30, 40))  # reaches the right border
    true[30:], true[:, 40:] = VOID, VOID
    padded = boundary_distances.count(*predictions_and_batch([(true % VOID, true)], [(30, 40)], classes=2))
    plain = boundary_distances.count(*predictions_and_batch([(true[:30, :40], true[:30, :40])], classes=2))
    assert padded["hd95"].tolist() == plain["hd95"].tolist() == [[[0.0, 1.0]] * 2]
    missed = np.zeros_like(true)
    counts = boundary_distances.count(*predictions_and_batch([(missed, true)], [(30, 40)], classes=2))
    assert counts["hd95"][0, 1].tolist() == [50.0, 1.0]


def test_facts_of_the_metrics():
    assert metrics.is_minimized("val/hd95")
    assert not metrics.is_minimized("val/surface_dice")
    known = metrics.names("multiclass", ["a", "b"])  # of these training counts nothing
    assert not {"hd95", "surface_dice", "boundary_iou"} & set(known)
