"""Boxes, locations, and which location answers for which box."""

import pytest
import torch

from segsweep.detection.assignment import RADIUS, REACH, assign, centerness
from segsweep.detection.boxes import areas, decode, encode
from segsweep.detection.locations import locations

LEVELS = [(8, 8, 8), (4, 4, 16), (2, 2, 32)]  # of an image of 64 x 64


def random_boxes(count, seed, side=64.0):
    generator = torch.Generator().manual_seed(seed)
    corners = torch.rand(count, 2, 2, generator=generator) * side
    return torch.cat([corners.amin(1), corners.amax(1) + 0.5], dim=1)


def test_locations_are_the_centres_of_cells_row_by_row():
    points, strides = locations([(1, 2, 8), (1, 1, 16)])
    assert points.tolist() == [[4, 4], [12, 4], [8, 8]]
    assert strides.tolist() == [8, 8, 16]


def test_distances_by_hand():
    point, box, stride = torch.tensor([[10.0, 20.0]]), torch.tensor([[2.0, 16.0, 26.0, 40.0]]), torch.tensor([8.0])
    assert encode(point, box, stride).tolist() == [[1.0, 0.5, 2.0, 2.5]]
    assert decode(point, torch.tensor([[1.0, 0.5, 2.0, 2.5]]), stride).tolist() == box.tolist()


def test_decoding_undoes_encoding():
    points, strides = locations(LEVELS)
    boxes = random_boxes(len(points), seed=0)
    torch.testing.assert_close(decode(points, encode(points, boxes, strides), strides), boxes)
    several = boxes.expand(len(points), *boxes.shape)
    torch.testing.assert_close(encode(points, several, strides)[5, 7], encode(points[5:6], boxes[7:8], strides[5:6])[0])


def test_areas():
    assert areas(torch.tensor([[0.0, 0, 1, 1], [2, 3, 5, 7], [5, 5, 4, 9]])).tolist() == [1, 12, 0]


def test_centerness_by_hand():
    distances = torch.tensor([[1.0, 1, 1, 1], [1, 1, 4, 1], [1, 1, 4, 9]])
    torch.testing.assert_close(centerness(distances), torch.tensor([1.0, 0.5, 1 / 6]))


def assigned(*boxes):
    points, strides = locations(LEVELS)
    answer = assign(points, strides, torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4))
    return {
        (*points[i].tolist(), strides[i].item()): answer[i].item()
        for i in range(len(points))
        if answer[i] >= 0
    }  # fmt: skip


def test_a_small_box_belongs_to_the_finest_level():
    # Only the cell centre at (28, 28) lies strictly inside; those at 20 and 36 are on the edge.
    assert assigned((20, 20, 36, 36)) == {(28, 28, 8): 0}


def test_a_large_box_belongs_to_a_coarse_level_around_its_centre():
    # On P4 all centres are at most 1.5 strides (24 px) from (32, 32), and their farthest sides 40 or 56 px away. On P3
    # the farthest side is more than 32 px away, on P5 it is 48 px and should be more than 64.
    wanted = {(x, y, 16): 0 for x in (8, 24, 40, 56) for y in (8, 24, 40, 56)}
    assert assigned((0, 0, 64, 64)) == wanted


def test_the_smaller_of_two_boxes_wins():
    found = assigned((0, 0, 64, 64), (16, 16, 32, 32))
    assert found[24, 24, 16] == 0  # too small for P4
    assert {point for point, box in found.items() if box == 1} == {(20, 20, 8), (28, 20, 8), (20, 28, 8), (28, 28, 8)}
    assert assigned((16, 16, 40, 40), (16, 16, 32, 32))[28, 28, 8] == 1
    assert assigned((16, 16, 32, 32), (16, 16, 32, 32))[28, 28, 8] == 0


def test_a_thin_box_takes_another_level_and_a_tiny_one_may_be_left_out():
    # By its length a matter of P4, whose rows 8, 24, 40 miss it; P3's row at 20 does not.
    assert set(assigned((0, 18, 64, 22))) == {(x, 20, 8) for x in (20, 28, 36, 44)}
    assert assigned((9, 9, 11, 11)) == {}


def test_no_boxes():
    assert assigned() == {}


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_plain_loops(seed):
    points, strides = locations(LEVELS)
    boxes = random_boxes(6, seed)

    def near(i, box):
        left, top, right, bottom = box
        x, y = points[i].tolist()
        reach = RADIUS * strides[i].item()
        in_box = left < x < right and top < y < bottom
        return in_box and abs(x - (left + right) / 2) <= reach and abs(y - (top + bottom) / 2) <= reach

    def of_level(i, box):
        left, top, right, bottom = box
        x, y = points[i].tolist()
        farthest = max(x - left, y - top, right - x, bottom - y) / strides[i].item()
        return (strides[i] == 8 or farthest > REACH / 2) and (strides[i] == 32 or farthest <= REACH)

    wanted = [(float("inf"), -1)] * len(points)
    for n, box in enumerate(boxes.tolist()):
        close = [i for i in range(len(points)) if near(i, box)]
        for i in [i for i in close if of_level(i, box)] or close:
            wanted[i] = min(wanted[i], ((box[2] - box[0]) * (box[3] - box[1]), n))
    assert assign(points, strides, boxes).tolist() == [n for _, n in wanted]
