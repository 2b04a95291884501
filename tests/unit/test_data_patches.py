"""Patches and pages: a round trip, with and without overlap."""

import numpy as np
import pytest

from segsweep.config.train import Patches
from segsweep.data import patches
from segsweep.data.patches import corners, page_size, stitch
from segsweep.data.sample import Sample, window

EMPTY = (np.zeros((0, 4), np.float32), np.zeros(0, np.int64), [], np.zeros(0, bool))


@pytest.mark.parametrize(("height", "width", "size", "overlap"), [(40, 70, 32, 0), (64, 64, 32, 8), (20, 20, 32, 4)])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_round_trip(height, width, size, overlap, kind):
    rng = np.random.default_rng(0)
    page = rng.integers(0, 200, (height, width)).astype(kind)
    origins = corners(height, width, size, overlap)
    cut = [
        window(Sample(np.zeros((height, width, 3), np.uint8), page, *EMPTY), y, x, size, size, np.zeros(3)).mask
        for y, x in origins
    ]
    assert all(patch.shape == (size, size) for patch in cut)
    infos = [{"page": "p", "y": y, "x": x, "height": height, "width": width} for y, x in origins]
    whole = stitch(cut, infos)
    assert whole.dtype == kind
    np.testing.assert_allclose(whole, page, rtol=1e-6)


def test_no_patch_repeats_what_others_cover():
    assert corners(64, 64, 32, 0) == [(0, 0), (0, 32), (32, 0), (32, 32)]
    assert corners(32, 33, 32, 0) == [(0, 0), (0, 32)]
    assert corners(56, 32, 32, 8) == [(0, 0), (24, 0)]  # 24 + 32 = 56: the second ends with the page
    assert corners(10, 10, 32, 8) == [(0, 0)]


def test_weights_fall_towards_the_edges_and_add_up_where_patches_overlap_by_half():
    assert patches.window(3, 4).tolist() == [[1, 2, 2, 1], [2, 4, 4, 2], [1, 2, 2, 1]]
    line = np.zeros(16)
    for start in range(-4, 16, 4):
        line[max(start, 0) : start + 8] += patches.window(1, 8)[0, max(-start, 0) : min(8, 16 - start)]
    assert line.tolist() == [5] * 16


@pytest.mark.parametrize("overlap", [0, 3, 4, 7])
def test_each_pixel_of_a_page_is_counted_in_one_patch(overlap):
    page = {"height": 21, "width": 13}
    counted = np.zeros((24 + 8, 24 + 8), int)
    for y, x in corners(21, 13, 8, overlap):
        counted[y : y + 8, x : x + 8][patches.own_pixels(page | {"y": y, "x": x}, overlap)] += 1
    assert (counted[:21, :13] == 1).all()
    assert counted.sum() == 21 * 13


def test_the_longer_side_is_what_is_asked_for():
    assert page_size(1000, 2000, 512) == (256, 512)
    assert page_size(300, 100, 600) == (600, 200)
    assert page_size(300, 100, None) == (300, 100)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"size": 64, "overlap": 64}, "overlap is 64, the patch 64 pixels.* below 64, for example to 32"),
        ({"size": 64, "overlap": 80}, "overlap is 80"),
        ({"size": 64, "overlap": -1}, "greater than or equal to 0"),
        ({"size": 512, "page_size": 256}, "size is 512, page_size 256: .* Lower size to 256 or less"),
    ],
)
def test_patches_that_do_not_cover_pages_are_refused(section, message):
    with pytest.raises(ValueError, match=message):
        Patches.model_validate({"page_size": 512} | section)


def test_patches_of_any_scale():
    assert Patches(page_size=None, size=8192, overlap=8191).page_size is None
