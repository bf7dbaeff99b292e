"""Buildings are told apart where they touch, kept whole where they are one, and joined across the seams of tiles."""

import numpy as np
import pytest

from app.geometry.tiles import PIXELS, metres_per_pixel
from app.learning.predictions.instances import instances
from app.learning.predictions.polygons import Drawing, buildings

PIXEL_M = 0.3
DRAWING = Drawing(tolerance_m=0.5, area_m2_min=3, orthogonalize=True, max_angle_change_deg=15, skew_tolerance_deg=15)


def odds(shape, *houses):
    """Odds of footprints and their interiors: houses given as (west, north, east, south), each with a border."""
    picture = np.full((*shape, 2), 1, np.uint8)
    for west, north, east, south in houses:
        picture[north:south, west:east] = (240, 40)
        picture[north + 2 : south - 2, west + 2 : east - 2] = 240
    return picture


def numbers(picture):
    return len(np.unique(instances(picture, 0.5, PIXEL_M))) - 1


def test_neighbours_that_touch_are_two_and_share_the_ground_between_them():
    labels = instances(odds((100, 120), (20, 20, 60, 80), (60, 20, 100, 80)), 0.5, PIXEL_M)
    west, east = labels[50, 40], labels[50, 80]
    assert 0 != west != east != 0
    assert (labels[22:78, 20:60] == west).all()
    assert (labels[22:78, 60:100] == east).all()


def test_a_part_that_is_not_parted_by_a_border_is_put_to_its_roof():
    picture = odds((100, 120), (20, 20, 100, 80))
    picture[30:50, 80:82] = (240, 150)
    picture[50, 80:98] = (240, 150)
    picture[29, 80:98] = (240, 150)
    assert numbers(picture) == 1


def test_spots_are_nothing_and_what_is_nowhere_sure_is_nothing():
    assert numbers(odds((60, 60), (10, 10, 14, 14))) == 0
    unsure = np.full((60, 60, 2), 1, np.uint8)
    unsure[10:50, 10:50] = (140, 60)
    assert numbers(unsure) == 0
    unsure[10:50, 10:50, 0] = 200
    assert numbers(unsure) == 1


def test_ground_without_imagery_belongs_to_nobody():
    picture = odds((80, 80), (10, 10, 70, 70))
    picture[:, 40:] = 0
    assert not instances(picture, 0.5, PIXEL_M)[:, 40:].any()
    assert numbers(np.zeros((20, 20, 2), np.uint8)) == 0


def drawn(site, picture, drawing=DRAWING):
    tiles = {}
    for tile in site.tiles():
        row, column = (tile.y - site.y) * PIXELS, (tile.x - site.x) * PIXELS
        tiles[tile] = picture[row : row + PIXELS, column : column + PIXELS]
    return buildings(tiles, threshold=0.5, area=site.area, drawing=drawing)


def test_a_building_across_four_tiles_is_one_rectangle(site):
    [building] = drawn(site, odds((512, 512), (200, 210, 330, 300)))
    expected = site.box(200, 210, 330, 300)
    assert len(building.polygon.exterior.coords) == 5
    assert building.polygon.symmetric_difference(expected).area < 0.03 * expected.area
    assert building.confidence == pytest.approx(240 / 255, abs=0.01)


def test_neighbours_that_touch_at_a_seam_stay_two(site):
    found = drawn(site, odds((512, 512), (180, 60, 256, 120), (256, 60, 330, 120), (60, 180, 120, 258)))
    assert len(found) == 3
    limit = 40 * metres_per_pixel(site.area.centroid.y, 19)
    assert all(building.area_m2 > limit**2 for building in found)


def test_no_corner_is_sharper_than_forty_degrees(site):
    picture = odds((512, 512), (60, 60, 160, 140))
    for step in range(60):
        picture[100 - step // 6 : 101 + step // 6, 159 + 60 - step] = 240
    for orthogonalize in (True, False):
        for building in drawn(site, picture, Drawing(0.5, 3, orthogonalize, 15, 15)):
            ring = np.asarray(building.polygon.exterior.coords)[:-1]
            before, after = np.roll(ring, 1, 0) - ring, np.roll(ring, -1, 0) - ring
            scale = np.array([np.cos(np.radians(site.area.centroid.y)), 1])
            before, after = before * scale, after * scale
            cosines = (before * after).sum(1) / (np.hypot(*before.T) * np.hypot(*after.T))
            assert np.degrees(np.arccos(cosines)).min() >= 40
