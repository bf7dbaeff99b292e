"""Square corners where there were nearly square ones, and never a broken or another building."""

import numpy as np
import pytest
from shapely import Point, Polygon, simplify
from shapely.affinity import rotate

from app.learning.squaring import squared


def square(polygon, max_angle_change_deg=15.0, skew_tolerance_deg=15.0, step_m=1.0):
    return squared(
        polygon, max_angle_change_deg=max_angle_change_deg, skew_tolerance_deg=skew_tolerance_deg, step_m=step_m
    )


def shaken(polygon, random, by):
    def ring(line):
        return [np.array(point) + random.uniform(-by, by, 2) for point in list(line.coords)[:-1]]

    return Polygon(ring(polygon.exterior), [ring(hole) for hole in polygon.interiors])


def angles(polygon):
    """How far the corners of all rings are from right ones, in degrees."""
    away = []
    for ring in (polygon.exterior, *polygon.interiors):
        edges = np.diff(np.asarray(ring.coords), axis=0)
        turns = np.degrees(np.arctan2(edges[:, 1], edges[:, 0]))
        away += list((np.diff([*turns, turns[0]]) + 45) % 90 - 45)
    return np.abs(away)


@pytest.mark.parametrize("turn", [0, 17, 44, 45, 46, 90, 133])
def test_an_l_with_a_courtyard_gets_right_angles_whichever_way_it_lies(turn):
    shape = Polygon([(0, 0), (20, 0), (20, 12), (9, 12), (9, 20), (0, 20)], [[(3, 3), (3, 7), (8, 7), (8, 3)]])
    found = shaken(rotate(shape, turn), np.random.default_rng(turn), 0.4)

    result = square(found)

    assert angles(result).max() < 1e-6
    assert len(result.exterior.coords) == 7
    assert len(result.interiors) == 1
    assert result.symmetric_difference(rotate(shape, turn)).area < 0.1 * shape.area


def test_cut_corners_are_filled_and_real_steps_kept():
    cut = Polygon([(0.5, 0), (9.5, 0), (10, 0.5), (10, 6), (13, 6.1), (13, 10), (0, 10), (0, 0.5)])

    result = square(cut)

    assert len(result.exterior.coords) == 7
    assert result.area == pytest.approx(112, rel=0.01)


def test_a_bay_set_at_an_angle_stays_when_it_would_have_to_turn_too_far():
    bay = Polygon([(0, 0), (20, 0), (20, 10), (14, 10), (10, 14), (6, 10), (0, 10)])

    assert square(bay).symmetric_difference(bay).area < 0.1
    assert square(bay, max_angle_change_deg=0).equals_exact(bay, 1e-6, normalize=True)


@pytest.mark.parametrize("hut", [Point(0, 0).buffer(3), simplify(Point(5, 5).buffer(4), 0.3)])
def test_a_round_hut_stays_round(hut):
    assert square(hut) is hut


def test_whatever_comes_in_what_goes_out_is_valid_and_covers_nearly_the_same_ground():
    random = np.random.default_rng(0)
    for _ in range(300):
        turns = np.linspace(0, 2 * np.pi, random.integers(4, 15), endpoint=False)
        reach = random.uniform(2, 10, len(turns))
        polygon = Polygon(np.column_stack((reach * np.cos(turns), reach * np.sin(turns))))
        result = square(polygon, random.uniform(0, 45), random.uniform(0, 45))
        assert result.is_valid
        assert result.symmetric_difference(polygon).area <= 0.2 * polygon.area
