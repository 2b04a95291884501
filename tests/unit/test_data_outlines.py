"""Outlines of rectangles, ellipses and lines."""

import math

import numpy as np
import pytest
import shapely

from segsweep.data.annotations.outlines import TOLERANCE, ellipse, line, rectangle


def test_a_rectangle_and_a_quarter_turn_of_it():
    assert rectangle(1, 2, 5, 4).tolist() == [[1, 2], [5, 2], [5, 4], [1, 4]]
    # Clockwise on the screen: the corner left, top comes to lie right, top.
    assert rectangle(1, 2, 5, 4, 90) == pytest.approx(np.array([[4, 1], [4, 5], [2, 5], [2, 1]]))


@pytest.mark.parametrize("radius", [0.02, 1, 40, 3000])
def test_an_ellipse_is_as_exact_as_it_says(radius):
    x, y = ellipse(7, 9, radius, radius / 2).T
    assert ((x - 7) / radius) ** 2 + ((y - 9) / (radius / 2)) ** 2 == pytest.approx(np.ones(len(x)))
    middles = (ellipse(0, 0, radius, radius) + np.roll(ellipse(0, 0, radius, radius), 1, 0)) / 2
    assert (radius - np.hypot(*middles.T)).max() <= TOLERANCE
    assert len(x) < 1000


def test_what_has_no_area_has_an_outline_without():
    assert shapely.Polygon(ellipse(1, 1, 0, 0)).area == 0
    assert shapely.Polygon(line("line", [(1, 1), (1, 1)], 2)[0]).area == pytest.approx(math.pi, rel=0.02)


def test_an_ellipse_turns_clockwise_on_the_screen():
    points = ellipse(0, 0, 10, 1, 30)
    far = points[np.hypot(*points.T).argmax()]
    assert abs(far) == pytest.approx([10 * math.cos(math.pi / 6), 5])
    assert far[0] * far[1] > 0  # the end at the right lies lower, y is downwards


def test_a_line_covers_what_is_near_it_but_not_what_it_surrounds():
    loop = [(0, 0), (20, 0), (20, 20), (0, 20), (0, 0)]
    area = shapely.unary_union([shapely.Polygon(ring) for ring in line("line", loop, 4)])
    assert area.covers(shapely.Point(10, 1.9))
    assert not area.intersects(shapely.Point(10, 2.1))
    assert not area.intersects(shapely.Point(10, 10))
