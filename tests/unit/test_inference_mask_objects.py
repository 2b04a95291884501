"""Objects of masks: connected components, and outlines that give their pixels back."""

import numpy as np
import pytest
import shapely
from pycocotools import mask as coco_masks
from scipy import ndimage

from segsweep.inference.mask_objects import MaskObject, objects_in, outline, run_lengths, without_holes
from segsweep.inference.predicted_image import PredictedImage
from tests.unit.test_inference_prediction_files import subject

RING = np.pad(np.zeros((1, 1), bool), 1, constant_values=True)


def an_object(pixels, left=0, top=0) -> MaskObject:
    pixels = np.asarray(pixels, bool)
    return MaskObject(1, left, top, pixels, int(pixels.sum()), None)


def rasterised(polygons, shape) -> np.ndarray:
    """By pycocotools, the pixels (h, w) of polygons without holes."""
    rings = [np.asarray(one.exterior.coords[:-1]).ravel().tolist() for one in polygons]
    return coco_masks.decode(coco_masks.merge(coco_masks.frPyObjects(rings, *shape)))


def noise(shape, share, seed) -> np.ndarray:
    return (np.random.default_rng(seed).random(shape) < share).astype(np.uint8)


def test_a_single_pixel_is_a_unit_square_at_its_edges():
    (square,) = outline(an_object([[1]], left=4, top=7)).geoms
    assert square.equals(shapely.box(4, 7, 5, 8))
    assert len(square.exterior.coords) == 5


def test_an_outline_has_corners_only_where_it_turns():
    (shape,) = outline(an_object([[1, 1, 1], [1, 1, 1], [1, 0, 0]])).geoms
    assert set(shape.exterior.coords) == {(0, 0), (3, 0), (3, 2), (1, 2), (1, 3), (0, 3)}


def test_a_hole_is_a_ring_and_what_lies_in_it_no_part():
    (ring,) = outline(an_object(RING, left=1)).geoms
    assert ring.equals(shapely.box(1, 0, 4, 3) - shapely.box(2, 1, 3, 2))


def test_parts_that_touch_at_a_corner_are_one_object_of_valid_polygons():
    mask = np.array([[1, 0, 0], [0, 1, 1], [0, 1, 0]], np.uint8)
    (found,) = objects_in(PredictedImage("a", mask.shape, mask=mask), subject())
    shape = outline(found)
    assert shape.is_valid
    assert sorted(part.area for part in shape.geoms) == [1, 3]


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.9])
def test_outlines_and_run_lengths_give_the_mask_back(share):
    for seed in range(12):
        mask = noise((11, 17), share, seed)
        expected, components = ndimage.label(mask, np.ones((3, 3)))
        found = list(objects_in(PredictedImage("a", mask.shape, mask=mask), subject()))
        assert len(found) == components
        for one in found:
            rows, columns = np.nonzero(one.pixels)
            (number,) = np.unique(expected[rows + one.top, columns + one.left])
            pixels = expected == number
            shape = outline(one)
            assert shape.is_valid
            assert shape.area == one.area == pixels.sum()
            parts = [part for polygon in shape.geoms for part in without_holes(polygon)]
            assert not any(part.interiors for part in parts)
            np.testing.assert_array_equal(rasterised(parts, mask.shape), pixels)
            encoded = run_lengths(one, mask.shape)
            np.testing.assert_array_equal(coco_masks.decode(encoded), pixels)
            assert encoded["counts"] == coco_masks.encode(np.asfortranarray(pixels, np.uint8))["counts"].decode()


def test_an_object_that_fills_the_image_has_its_score(recwarn):
    probability = np.full((1, 2, 2), 0.75, np.float32)
    (found,) = objects_in(
        PredictedImage("a", (2, 2), mask=np.ones((2, 2), np.uint8), probability=probability), subject("binary")
    )
    assert (found.area, found.score) == (4, 0.75)
    assert not recwarn.list


def test_scores_are_mean_probabilities_of_the_class():
    mask = np.array([[1, 1, 0, 2]], np.uint8)
    probability = np.zeros((3, 1, 4), np.float32)
    probability[1, 0, :2], probability[2, 0, 3] = (0.5, 1.0), 0.75
    found = objects_in(PredictedImage("a", (1, 4), mask=mask, probability=probability), subject())
    assert [(one.index, one.left, one.area, one.score) for one in found] == [(1, 0, 2, 0.75), (2, 3, 1, 0.75)]
    one_channel = PredictedImage("a", (1, 4), mask=mask.clip(0, 1), probability=probability[1:2])
    assert [one.score for one in objects_in(one_channel, subject("binary"))] == pytest.approx([0.75, 0.0])


def test_labels_that_overlap_are_objects_of_their_own():
    mask = np.array([[1, 3, 2]], np.uint8)
    found = objects_in(PredictedImage("a", (1, 3), mask=mask), subject("multilabel"))
    assert [(one.index, one.left, one.pixels.shape) for one in found] == [(0, 0, (1, 2)), (1, 1, (1, 2))]
