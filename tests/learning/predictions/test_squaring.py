"""Square corners where there were nearly square ones, and never a broken or another building."""

from dataclasses import replace

import numpy as np
import pytest
from rasterio import Affine
from rasterio.features import rasterize, shapes
from scipy import ndimage
from shapely import Point, Polygon, box, segmentize, simplify
from shapely.affinity import rotate, translate

from app.learning.predictions.polygons import Drawing, drawn
from app.learning.predictions.rectilinear import rectilinear
from app.learning.predictions.squaring import squared


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
    for _ in range(150):
        turns = np.linspace(0, 2 * np.pi, random.integers(4, 15), endpoint=False)
        reach = random.uniform(2, 10, len(turns))
        polygon = Polygon(np.column_stack((reach * np.cos(turns), reach * np.sin(turns))))
        result = square(polygon, random.uniform(0, 45), random.uniform(0, 45))
        assert result.is_valid
        assert result.symmetric_difference(polygon).area <= 0.2 * polygon.area


L_SHAPE = Polygon([(0, 0), (16, 0), (16, 8), (8, 8), (8, 14), (0, 14)])


def frayed(polygon, random, by=0.35):
    """An outline whose edges wave, as those of a mask do."""
    return shaken(segmentize(polygon, 1.5), random, by)


@pytest.mark.parametrize("turn", [0, 20, 45, 77])
def test_a_frayed_outline_gets_right_angles_only_and_keeps_its_wing(turn):
    shape = rotate(L_SHAPE, turn)

    result = square(frayed(shape, np.random.default_rng(turn)))

    assert angles(result).max() < 1e-6
    assert len(result.exterior.coords) == 7
    assert result.symmetric_difference(shape).area < 0.1 * shape.area


@pytest.mark.parametrize("turn", [0, 20, 45, 77])
def test_a_frayed_outline_around_a_courtyard_gets_right_angles_inside_and_outside(turn):
    shape = rotate(L_SHAPE.buffer(6, join_style="mitre").difference(L_SHAPE), turn)

    result = square(frayed(shape, np.random.default_rng(turn)))

    assert angles(result).max() < 1e-6
    assert len(result.interiors) == 1
    assert all(6 <= len(ring.coords) - 1 <= 10 for ring in (result.exterior, *result.interiors))
    assert result.symmetric_difference(shape).area < 0.05 * shape.area


@pytest.mark.parametrize("limits", [(0, 15), (15, 0)])
def test_a_frayed_outline_stays_where_nothing_may_turn(limits):
    outline = frayed(L_SHAPE, np.random.default_rng(0))
    result = square(outline, *limits)
    assert angles(result).max() > 10
    assert result.symmetric_difference(outline).area < 0.05 * outline.area


def test_a_slanting_wall_that_is_a_part_of_the_building_stays():
    wedge = Polygon([(0, 0), (14, 0), (14, 4), (6, 12), (0, 12)])
    result = square(frayed(wedge, np.random.default_rng(1), 0.15))
    assert result.symmetric_difference(wedge).area < 0.1 * wedge.area
    assert angles(result).max() > 30


def test_shapes_of_right_angles_lose_two_corners_each_down_to_a_rectangle():
    every = list(rectilinear(frayed(L_SHAPE, np.random.default_rng(2))))

    sizes = [len(shape.exterior.coords) - 1 for shape in every]
    assert sizes == sorted(set(sizes), reverse=True)
    assert sizes[-1] == 4
    assert all(size % 2 == 0 for size in sizes)
    assert all(angles(shape).max() == 0 for shape in every)
    [wing] = [shape for shape in every if len(shape.exterior.coords) == 7]
    assert wing.symmetric_difference(L_SHAPE).area < 0.1 * L_SHAPE.area


def outline_of(polygon, random):
    """The outline of a mask of 0.15 m that is wrong as a network's is: round corners and rims that wander."""
    side = 200
    place = Affine(0.15, 0, 0, 0, 0.15, 0)
    mask = rasterize([polygon], (side, side), transform=place).astype(float)
    noise = ndimage.gaussian_filter(random.normal(size=mask.shape), 8)
    likely = ndimage.gaussian_filter(mask, 4) + 0.15 * noise / noise.std() > 0.5
    parts, _ = ndimage.label(likely)
    whole = parts == np.bincount(parts[parts > 0]).argmax()
    [outline] = [geometry for geometry, _ in shapes(whole.astype(np.uint8), whole, transform=place)]
    return Polygon(outline["coordinates"][0])


def test_masks_of_buildings_become_square_and_keep_their_ground():
    random = np.random.default_rng(5)
    squared_drawing = Drawing(0.5, 3, orthogonalize=True, max_angle_change_deg=15, skew_tolerance_deg=15)
    plain_drawing = replace(squared_drawing, orthogonalize=False)
    away, gained = [], []
    for _ in range(12):
        across, along = random.uniform(5, 14, 2)
        wing = random.uniform(0.3, 0.7, 2)
        notch = box(across * wing[0], along * wing[1], across, along)
        real = translate(rotate(box(0, 0, across, along).difference(notch), random.uniform(0, 90)), 10, 10)
        outline = outline_of(real, random)
        plain, result = (drawn(outline, each, pixel_m=0.15) for each in (plain_drawing, squared_drawing))
        iou, before = (real.intersection(each).area / real.union(each).area for each in (result, plain))
        away += list(angles(result))
        gained.append(iou - before)
    assert np.mean(np.array(away) <= 5) >= 0.8
    assert np.mean(gained) >= -0.01
