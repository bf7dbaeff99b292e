"""Shapes and tiles: measured, read, refused, covered."""

from contextlib import suppress
from math import inf, isclose, nan

import pytest
import shapely
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from shapely import LineString, MultiPolygon, Point, Polygon, box

from app.errors import Invalid, LimitReached
from app.geometry import shapes
from app.geometry.tiles import EQUATOR_M, LATITUDE_MAX, Tile, covering, metres_per_pixel, position
from app.settings import settings

examples.register_profile("unhurried", deadline=None, derandomize=True)
examples.load_profile("unhurried")


# Shapes


def test_areas_are_measured_on_the_ellipsoid():
    assert shapes.area_m2(box(0, 0, 1, 1)) == pytest.approx(12_308_778_361, rel=1e-6)
    assert shapes.area_m2(box(0, 60, 1, 61)) == pytest.approx(6_115_000_000, rel=1e-2)
    with_hole = box(0, 0, 1, 1) - box(0.25, 0.25, 0.75, 0.75)
    assert shapes.area_m2(with_hole) == pytest.approx(0.75 * 12_308_778_361, rel=1e-3)
    assert shapes.area_m2(shapely.reverse(with_hole)) == pytest.approx(shapes.area_m2(with_hole))


def test_two_shapes_share_ground_or_only_an_edge():
    assert shapes.share_ground(box(0, 0, 2, 2), box(1, 1, 3, 3))
    assert not shapes.share_ground(box(0, 0, 1, 1), box(1, 0, 2, 1))
    assert not shapes.share_ground(box(0, 0, 1, 1), box(5, 5, 6, 6))


def test_what_crosses_itself_covers_what_it_encloses():
    bow = Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    assert shapes.ground(bow).equals(
        MultiPolygon([Polygon([(0, 0), (1, 1), (0, 2)]), Polygon([(2, 0), (2, 2), (1, 1)])])
    )
    assert shapes.ground(Polygon([(0, 0), (1, 0), (2, 0)])) is None
    assert shapes.ground(box(0, 0, 1, 1)).equals(box(0, 0, 1, 1))


@pytest.mark.parametrize("shape", [Point(1, 2), LineString([(0, 0), (1, 1)]), box(0, 0, 1, 1)], ids=str)
def test_geojson_is_read_as_it_was_written(shape):
    written = shapes.to_geojson(shape)
    assert shapes.from_geojson(written).equals(shape)
    assert shapes.from_geojson({"type": "Feature", "properties": {}, "geometry": written}).equals(shape)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(["type", "coordinates", "geometry", "geometries"]), inner)
        ),
        max_leaves=12,
    ),
    st.sampled_from(["Point", "Polygon", "MultiPolygon", "GeometryCollection", "Feature", "LineString", "Unknown"]),
)
def test_anything_is_read_as_geojson_or_refused_in_words(value, kind):
    for given_value in (value, {"type": kind, "coordinates": value, "geometries": value, "geometry": value}):
        with suppress(ValueError, Invalid):
            shapes.check_place("geom", shapes.from_geojson(given_value))


@pytest.mark.filterwarnings("ignore:invalid value")  # shapely says so of what is no number
@pytest.mark.parametrize("number", [nan, inf, -inf, 180.001, 1e308])
def test_a_place_that_is_not_on_the_earth_is_refused(number):
    with pytest.raises(Invalid):
        shapes.check_place("geom", shapely.from_wkt(f"LINESTRING (0 0, {number} 0)"))


# Tiles


@given(st.floats(-180, 180), st.floats(-85, 85), st.integers(0, 22))
def test_a_place_lies_in_the_tile_that_its_position_names(longitude, latitude, zoom):
    x, y = position(longitude, latitude, zoom)
    west, south, east, north = Tile(zoom, min(int(x), 2**zoom - 1), min(int(y), 2**zoom - 1)).bounds
    assert west - 1e-9 <= longitude <= east + 1e-9
    assert south - 1e-9 <= latitude <= north + 1e-9


def test_a_tile_lies_in_its_ancestors():
    tile = Tile(19, 271_000, 185_000)
    inner, outer = box(*tile.bounds), box(*tile.ancestor(12).bounds)
    assert outer.covers(inner)
    assert tile.ancestor(19) == tile
    assert tile.ancestor(0) == Tile(0, 0, 0)


def test_pixels_shrink_with_zoom_and_latitude():
    assert metres_per_pixel(0, 0) == EQUATOR_M / 256
    assert isclose(metres_per_pixel(60, 19), metres_per_pixel(0, 19) / 2)


hundredths = st.integers(-8_400, 8_400).map(lambda number: number / 100)
corners = st.lists(st.tuples(hundredths.map(lambda number: 2 * number), hundredths), min_size=3, max_size=8)


@given(corners, st.integers(0, 5))
def test_covering_finds_exactly_the_tiles_that_share_ground(points, zoom):
    shape = shapes.ground(Polygon(points))
    if shape is None:
        return
    everywhere = [Tile(zoom, x, y) for y in range(2**zoom) for x in range(2**zoom)]
    assert covering(shape, zoom) == [tile for tile in everywhere if shapes.share_ground(shape, box(*tile.bounds))]


def test_a_shape_that_is_a_tile_is_covered_by_it_alone():
    tile = Tile(18, 135_000, 92_000)
    assert covering(box(*tile.bounds), 18) == [tile]
    assert len(covering(box(*tile.bounds), 20)) == 16


def test_the_worlds_edges_have_tiles():
    for shape in (box(179.9, 0, 180, 0.1), box(-180, -0.1, -179.9, 0), box(0, 85, 1, LATITUDE_MAX)):
        assert covering(shape, 10)


def test_covering_stops_at_what_a_job_may_fetch(monkeypatch):
    monkeypatch.setattr(settings, "tiles_per_job_max", 16)
    assert len(covering(box(-180, -85, 180, 85), 2)) == 16
    with pytest.raises(LimitReached):
        covering(box(-180, -85, 180, 85), 22)
