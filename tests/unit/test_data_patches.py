"""Patches and pages: a round trip, with and without overlap."""

import numpy as np
import pytest

from segsweep.data.patches import corners, page_size, stitch
from segsweep.data.sample import Sample, window

EMPTY = (np.zeros((0, 4), np.float32), np.zeros(0, np.int64), [], np.zeros(0, bool))


@pytest.mark.parametrize(("height", "width", "size", "overlap"), [(40, 70, 32, 0), (64, 64, 32, 8), (20, 20, 32, 4)])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_round_trip(height, width, size, overlap, kind):
    rng = np.random.default_rng(0)
    page = rng.integers(0, 200, (height, width)).astype(kind)
    origins = corners(height, width, size, overlap)
    patches = [
        window(Sample(np.zeros((height, width, 3), np.uint8), page, *EMPTY), y, x, size, size).mask for y, x in origins
    ]
    assert all(patch.shape == (size, size) for patch in patches)
    infos = [{"page": "p", "y": y, "x": x, "height": height, "width": width} for y, x in origins]
    whole = stitch(patches, infos)["p"]
    assert whole.dtype == kind
    np.testing.assert_allclose(whole, page, rtol=1e-6)


def test_no_patch_repeats_what_others_cover():
    assert corners(64, 64, 32, 0) == [(0, 0), (0, 32), (32, 0), (32, 32)]
    assert corners(32, 33, 32, 0) == [(0, 0), (0, 32)]
    assert corners(56, 32, 32, 8) == [(0, 0), (24, 0)]  # 24 + 32 = 56: the second ends with the page
    assert corners(10, 10, 32, 8) == [(0, 0)]


def test_overlap_averages_probabilities_and_takes_classes_from_the_nearer_centre():
    infos = [{"page": "p", "y": 0, "x": x, "height": 4, "width": 6} for x in (0, 2)]
    shares = stitch([np.zeros((4, 4)), np.ones((4, 4))], infos)["p"]
    assert shares[0].tolist() == [0, 0, 0.5, 0.5, 1, 1]
    channels = stitch([np.zeros((4, 4, 2)), np.ones((4, 4, 2))], infos)["p"]
    assert channels.shape == (4, 6, 2)
    classes = stitch([np.full((4, 4), 3), np.full((4, 4), 7)], infos)["p"]
    assert classes[1].tolist() == [3, 3, 3, 7, 7, 7]


def test_pages_keep_their_names_and_sizes():
    infos = [{"page": name, "y": 0, "x": 0, "height": 3, "width": 2} for name in "ab"]
    assert {name: page.shape for name, page in stitch([np.ones((4, 4))] * 2, infos).items()} == {
        "a": (3, 2),
        "b": (3, 2),
    }


def test_the_longer_side_is_what_is_asked_for():
    assert page_size(1000, 2000, 512) == (256, 512)
    assert page_size(300, 100, 600) == (600, 200)
