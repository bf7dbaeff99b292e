"""Outlines: whole across seams, with their holes, true in metres and square metres."""

from dataclasses import replace

import numpy as np
import pytest
import shapely

from app.geometry import antimeridian
from app.geometry.tiles import PIXELS, Tile, covering, metres_per_pixel
from app.learning.imagery.projection import area_m2
from app.learning.predictions.polygons import Drawing, buildings

PLAIN = Drawing(tolerance_m=0.0, area_m2_min=0.0, orthogonalize=False, max_angle_change_deg=15, skew_tolerance_deg=15)


def drawn(site, picture, drawing=PLAIN, *, threshold=0.5, area=None):
    """The buildings in a picture of odds of the whole site."""
    odds = {}
    for tile in site.tiles():
        row, column = (tile.y - site.y) * PIXELS, (tile.x - site.x) * PIXELS
        odds[tile] = picture[row : row + PIXELS, column : column + PIXELS]
    return buildings(odds, threshold=threshold, area=area or site.area, drawing=drawing)


@pytest.fixture
def blank(site):
    return np.ones((site.down * PIXELS, site.across * PIXELS), np.uint8)


def assert_same_ground(found, expected, share=0.02):
    assert found.symmetric_difference(expected).area < share * expected.area


def test_a_building_across_seams_is_one_polygon(site, blank):
    blank[200:300, 180:350] = 255

    (building,) = drawn(site, blank)

    assert_same_ground(building.polygon, site.box(180, 200, 350, 300))
    assert building.confidence == 1.0


def test_houses_that_only_meet_a_seam_from_both_sides_stay_two(site, blank):
    blank[20:60, 200:256] = blank[100:140, 256:300] = 255

    assert len(drawn(site, blank)) == 2


def test_buildings_on_both_sides_of_the_antimeridian_are_as_large_as_they_are():
    last = 2**19 - 1
    area = antimeridian.split(shapely.box(179.9994, -16.8005, 180.0006, -16.7995))
    tiles = covering(area, 19)
    odds = {tile: np.ones((PIXELS, PIXELS), np.uint8) for tile in tiles}
    row = tiles[0].y
    odds[Tile(19, last, row)][100:140, 100:150] = odds[Tile(19, 0, row)][100:140, 100:150] = 255
    found = buildings(odds, threshold=0.5, area=area, drawing=PLAIN)
    sides = sorted(building.polygon.centroid.x for building in found)
    assert sides == pytest.approx([-180 + 125 / 256 * 360 / 2**19, 180 - 131 / 256 * 360 / 2**19], abs=1e-7)
    one, other = (building.area_m2 for building in found)
    assert one == pytest.approx(other, rel=0.01)
    assert all(building.polygon.bounds[2] - building.polygon.bounds[0] < 0.001 for building in found)


@pytest.mark.parametrize(("pixels", "count"), [(0, 2), (3, 2), (5, 1)])
def test_pieces_nearer_across_a_seam_than_a_distance_are_one_building(site, blank, pixels, count):
    blank[20:60, 200:254] = blank[20:60, 258:320] = 255
    metres = (pixels + 0.5) * metres_per_pixel(site.area.centroid.y, 19)

    found = drawn(site, blank, replace(PLAIN, seam_m=metres if pixels else 0.0))

    assert len(found) == count
    if count == 1:
        assert_same_ground(found[0].polygon, site.box(200, 20, 320, 60))


def test_what_lies_apart_within_one_tile_stays_apart(site, blank):
    blank[20:60, 20:100] = blank[20:60, 104:200] = 255

    assert len(drawn(site, blank, replace(PLAIN, seam_m=5.0))) == 2


def test_courtyards_stay_open_and_chimneys_do_not(site, blank):
    blank[200:330, 200:330] = 255
    blank[250:280, 250:280] = blank[210:213, 210:213] = 1

    (building,) = drawn(site, blank)

    (courtyard,) = building.polygon.interiors
    assert_same_ground(shapely.Polygon(courtyard), site.box(250, 250, 280, 280), 0.15)


def test_a_nearly_square_outline_becomes_square(site, blank):
    rows, columns = np.mgrid[0:512, 0:512]
    along, across = (columns - 250) * 0.8 + (rows - 250) * 0.6, -(columns - 250) * 0.6 + (rows - 250) * 0.8
    blank[(np.abs(along) < 70) & (np.abs(across) < 40)] = 255
    drawing = Drawing(0.5, 3, orthogonalize=True, max_angle_change_deg=15, skew_tolerance_deg=15)

    (building,) = drawn(site, blank, drawing)

    local = shapely.transform(building.polygon, lambda at: at * [np.cos(np.radians(site.area.centroid.y)), 1])
    corners = np.asarray(local.exterior.coords)
    edges = np.diff(corners, axis=0)
    edges /= np.hypot(*edges.T)[:, None]
    assert len(edges) == 4
    assert np.abs((edges * np.roll(edges, 1, axis=0)).sum(1)).max() < 0.01


@pytest.mark.parametrize("y", [200_000, 152_000])
def test_the_area_threshold_is_in_true_square_metres(site, blank, y):
    site.y = y
    latitude = site.area.centroid.y
    size = (100 * metres_per_pixel(latitude, 19)) ** 2
    blank[100:200, 100:200] = 255

    for limit, count in ((0.98 * size, 1), (1.02 * size, 0)):
        found = drawn(site, blank, Drawing(0, limit, orthogonalize=False, max_angle_change_deg=0, skew_tolerance_deg=0))
        assert len(found) == count
        assert all(building.area_m2 == pytest.approx(size, rel=0.01) for building in found)
        assert all(building.area_m2 == area_m2(building.polygon) for building in found)


def test_sixty_degrees_north_is_where_web_mercator_would_be_four_times_wrong(site):
    site.y = 152_000

    assert site.area.centroid.y == pytest.approx(60, abs=0.5)


def test_confidence_is_the_mean_of_the_odds_inside(site, blank):
    blank[100:200, 100:200], blank[100:200, 200:300] = 255, 153

    (building,) = drawn(site, blank)

    assert building.confidence == pytest.approx(0.8, abs=0.002)
    assert len(drawn(site, blank, threshold=0.7)) == 1
    assert drawn(site, blank, threshold=0.7)[0].confidence == 1.0


def test_only_buildings_that_reach_into_the_area_are_kept_and_whole(site, blank):
    blank[100:150, 100:200] = blank[100:150, 300:400] = 255

    (building,) = drawn(site, blank, area=site.box(0, 0, 120, 512))

    assert_same_ground(building.polygon, site.box(100, 100, 200, 150))


def test_ground_without_imagery_is_no_building_at_any_confidence(site, blank):
    blank[:, :300] = 0

    (everything,) = drawn(site, blank, threshold=0.0)

    assert_same_ground(everything.polygon, site.box(300, 0, 512, 512))


def test_specks_are_cleaned_away_and_nothing_found_is_no_error(site, blank):
    blank[100:103, 100:103] = 255
    blank[300, :] = 255

    assert drawn(site, blank) == []
