"""The shared tools, each by itself: types over tables, fields, pages, ids, shapes, tiles, single values, secrets."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf, isclose, nan
from time import sleep
from types import SimpleNamespace

import pytest
import shapely
import strawberry
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from shapely import LineString, MultiPolygon, Point, Polygon, box
from strawberry import auto
from strawberry.schema.config import StrawberryConfig

from app import checks, errors, geometry, pagination, security
from app.errors import BadRequest, Invalid, LimitReached, NotFound
from app.models.accounts import Session, User
from app.models.mapping.datasets import Dataset
from app.models.mapping.trainings import Model, Training
from app.pagination import AgeOrder, Order, Page, PageArgs
from app.policies import Viewer
from app.settings import settings
from app.tiles import EQUATOR_M, LATITUDE_MAX, Tile, covering, metres_per_pixel, position
from resolvers import ids
from schema import schema
from schema.fields import mutation
from schema.problems import HANDLERS, Conflict, InvalidInput
from schema.row import Row, shows
from schema.scalars import SCALARS

TYPES = schema._schema.type_map
examples.register_profile("unhurried", deadline=None, derandomize=True)
examples.load_profile("unhurried")


# Types over tables


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("Dataset.id", "ID!"),
        ("Dataset.name", "String!"),
        ("Dataset.sourceImagery", "String"),
        ("Dataset.status", "DatasetStatus!"),
        ("Label.geom", "GeoJSONGeometry!"),
        ("Label.osmId", "BigInt"),
        ("Label.tags", "JSON"),
        ("Prediction.config", "JSON!"),
        ("Training.centroid", "GeoJSONPoint"),
        ("Training.taskId", "String"),
        ("User.dateJoined", "DateTime!"),
    ],
)
def test_a_column_or_property_is_shown_with_its_own_type(field, kind):
    name, _, member = field.partition(".")
    assert str(TYPES[name].fields[member].type) == kind


def test_a_column_is_described_where_it_is_declared():
    assert TYPES["Dataset"].fields["name"].description == Dataset.name.property.doc
    assert TYPES["Training"].fields["taskId"].description == Training.task_id.__doc__


def test_what_is_not_named_stays_hidden():
    assert not {"userId", "passwordHash"} & set(TYPES["User"].fields) | {"jobId"} & set(TYPES["Training"].fields)


def test_a_name_that_the_table_does_not_have_is_refused_at_once():
    with pytest.raises(TypeError, match="Dataset has no 'nmae' to show"):
        type("Dataset", (Row,), {"__annotations__": {"nmae": auto}}, of=Dataset)


def test_a_relation_is_no_column():
    with pytest.raises(TypeError, match=r"Dataset\.user is a relation"):
        type("Dataset", (Row,), {"__annotations__": {"user": auto}}, of=Dataset)


def test_a_type_has_its_tables_name():
    with pytest.raises(AssertionError):
        type("Collection", (Row,), {"__annotations__": {}}, of=Dataset)


# Fields


@dataclass(frozen=True)
class Renamed:
    """A thing."""

    name: str


@shows(Renamed)
class Thing:
    name: str


async def rename_thing(name: str, times: int = 1) -> Renamed:
    """Renames a thing.

    name: Its new name.
    times: How often.
    """
    if name == "":
        raise Invalid("name", "Give it a name.")
    if name == "taken":
        raise errors.Conflict("It is taken.")
    if name == "late":
        raise errors.Unavailable("Not now.")
    if name == "bug":
        raise RuntimeError("a bug")
    return Renamed(name * times)


async def forget_things() -> bool:
    """Forgets them all."""
    return True


@strawberry.type
class Query:
    thing: str = "a thing"


@strawberry.type
class Mutation:
    rename_thing: Thing | InvalidInput | Conflict = mutation(rename_thing)
    forget_things: bool = mutation(forget_things)


SMALL = strawberry.Schema(Query, Mutation, exception_handlers=HANDLERS, config=StrawberryConfig(scalar_map=SCALARS))


async def renamed(name: str, times: str = "") -> tuple[object, list[type]]:
    answer = "... on Thing { name } ... on InvalidInput { code field message } ... on Conflict { code message }"
    mutation = f'mutation {{ renameThing(input: {{name: "{name}" {times}}}) {{ {answer} }} }}'
    result = await SMALL.execute(mutation, context_value=SimpleNamespace(viewer=Viewer()))
    return (result.data or {}).get("renameThing"), [type(error.original_error) for error in result.errors or []]


def test_a_mutation_takes_one_input_and_names_its_result():
    core = SMALL._schema
    field = core.mutation_type.fields["renameThing"]
    assert [str(argument.type) for argument in field.args.values()] == ["RenameThingInput!"]
    assert field.type.of_type.name == "RenameThingResult"
    assert [found.name for found in field.type.of_type.types] == ["Thing", "InvalidInput", "Conflict"]
    assert field.description == "Renames a thing.\n\nAPI keys need the scope `WRITE`."
    described = {name: each.description for name, each in core.type_map["RenameThingInput"].fields.items()}
    assert described == {"name": "Its new name.", "times": "How often."}
    assert core.mutation_type.fields["forgetThings"].args == {}
    assert str(core.mutation_type.fields["forgetThings"].type) == "Boolean!"


async def test_a_problem_that_is_announced_is_data_and_any_other_an_error():
    assert await renamed("box", "times: 2") == ({"name": "boxbox"}, [])
    assert await renamed("") == ({"code": "INVALID_INPUT", "field": "name", "message": "Give it a name."}, [])
    assert await renamed("taken") == ({"code": "CONFLICT", "message": "It is taken."}, [])
    assert await renamed("late") == (None, [errors.Unavailable])
    assert await renamed("bug") == (None, [RuntimeError])


# Pages


class MixedOrder(Order):
    """By one column of each kind."""

    NEWEST = ("id", True)
    NAME = ("name", False)
    LAST_MODIFIED = ("last_modified", True)


@given(st.integers(1, 2**63 - 1), st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=("Cs",))))
def test_a_cursor_names_its_row(id, name):
    row = Dataset(id=id, name=name, last_modified=datetime(2026, 1, 2, 3, 4, 5, 678_901, UTC))
    for order in MixedOrder:
        value = None if order.column == "id" else getattr(row, order.column)
        assert pagination.place(pagination.cursors(order)(row.id, order.value_of(row)), Dataset, order) == (id, value)


@given(st.text())
def test_any_other_text_is_refused_as_a_cursor(text):
    with pytest.raises(BadRequest):
        pagination.place(text, Dataset, AgeOrder.NEWEST)


@pytest.mark.parametrize("first", [-1, settings.page_size_max + 1])
def test_a_page_is_bounded(first):
    with pytest.raises(BadRequest, match=f"`first` is {first}"):
        PageArgs(first)
    assert PageArgs(0).first == 0


def test_one_row_more_says_that_there_are_more():
    args = PageArgs(2)
    assert Page.cut([1, 2, 3], args) == Page([1, 2], has_next=True)
    assert Page.cut([1, 2], args) == Page([1, 2], has_next=False)


# Ids


@given(st.integers(1, 2**63 - 1), st.sampled_from([User, Dataset, Model]))
def test_an_id_names_its_row(id, table):
    assert ids.key(ids.encode(table(id=id)), table) == id
    with pytest.raises(NotFound):
        ids.key(ids.encode(table(id=id)), Session)


@given(st.text())
def test_any_other_text_names_nothing(text):
    with pytest.raises(NotFound):
        ids.key(text, Dataset)


# Shapes


def test_areas_are_measured_on_the_ellipsoid():
    assert geometry.area_m2(box(0, 0, 1, 1)) == pytest.approx(12_308_778_361, rel=1e-6)
    assert geometry.area_m2(box(0, 60, 1, 61)) == pytest.approx(6_115_000_000, rel=1e-2)
    with_hole = box(0, 0, 1, 1) - box(0.25, 0.25, 0.75, 0.75)
    assert geometry.area_m2(with_hole) == pytest.approx(0.75 * 12_308_778_361, rel=1e-3)
    assert geometry.area_m2(shapely.reverse(with_hole)) == pytest.approx(geometry.area_m2(with_hole))


def test_two_shapes_share_ground_or_only_an_edge():
    assert geometry.share_ground(box(0, 0, 2, 2), box(1, 1, 3, 3))
    assert not geometry.share_ground(box(0, 0, 1, 1), box(1, 0, 2, 1))
    assert not geometry.share_ground(box(0, 0, 1, 1), box(5, 5, 6, 6))


def test_what_crosses_itself_covers_what_it_encloses():
    bow = Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    assert geometry.ground(bow).equals(
        MultiPolygon([Polygon([(0, 0), (1, 1), (0, 2)]), Polygon([(2, 0), (2, 2), (1, 1)])])
    )
    assert geometry.ground(Polygon([(0, 0), (1, 0), (2, 0)])) is None
    assert geometry.ground(box(0, 0, 1, 1)).equals(box(0, 0, 1, 1))


@pytest.mark.parametrize("shape", [Point(1, 2), LineString([(0, 0), (1, 1)]), box(0, 0, 1, 1)], ids=str)
def test_geojson_is_read_as_it_was_written(shape):
    written = geometry.to_geojson(shape)
    assert geometry.from_geojson(written).equals(shape)
    assert geometry.from_geojson({"type": "Feature", "properties": {}, "geometry": written}).equals(shape)


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
            geometry.check_place("geom", geometry.from_geojson(given_value))


@pytest.mark.filterwarnings("ignore:invalid value")  # shapely says so of what is no number
@pytest.mark.parametrize("number", [nan, inf, -inf, 180.001, 1e308])
def test_a_place_that_is_not_on_the_earth_is_refused(number):
    with pytest.raises(Invalid):
        geometry.check_place("geom", shapely.from_wkt(f"LINESTRING (0 0, {number} 0)"))


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
    shape = geometry.ground(Polygon(points))
    if shape is None:
        return
    everywhere = [Tile(zoom, x, y) for y in range(2**zoom) for x in range(2**zoom)]
    assert covering(shape, zoom) == [tile for tile in everywhere if geometry.share_ground(shape, box(*tile.bounds))]


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


# Single values


def test_texts_are_trimmed_and_bounded():
    assert checks.text("name", "  Dorf ✿ ", length_max=6) == "Dorf ✿"
    assert checks.optional_text("note", " \n ", length_max=5) is None
    assert checks.optional_text("note", "a\n\tb", length_max=5) == "a\n\tb"
    for wrong in ("", "   ", "x" * 7, "a\nb", "a\0b", "a\u0085b", "a\u2028b"):
        with pytest.raises(Invalid) as refused:
            checks.text("name", wrong, length_max=6)
        assert refused.value.field == "name"
    with pytest.raises(Invalid):
        checks.optional_text("note", "a\nb", length_max=5, is_one_line=True)


def test_numbers_are_within_their_bounds():
    assert checks.within("epochs", 1, 1, 40) == 1
    assert checks.within("epochs", 40, 1, 40) == 40
    for wrong in (0, 40.01, nan, inf, -inf):
        with pytest.raises(Invalid, match="1 to 40"):
            checks.within("epochs", wrong, 1, 40)


def test_addresses_get_their_normal_form():
    assert checks.email("email", " Ann@EXAMPLE.org ") == "Ann@example.org"
    assert checks.email("email", "ann@ＥＸＡＭＰＬＥ.org") == "ann@example.org"
    assert checks.email("email", "ann@xn--bcher-kva.example") == "ann@bücher.example"


@pytest.mark.parametrize("value", [{}, {"a": [1, 2.5, None, True, {"b": "ü"}]}, {"\\u0000": "\\u0000"}], ids=str)
def test_a_json_object_is_kept_as_it_is(value):
    assert checks.json_object("tags", value) == value


@pytest.mark.parametrize(
    "value", [None, [], "a", {"a": nan}, {"a": inf}, {"a": "\0"}, {"\0": 1}, {"a": "\\\0"}, {"a": "\ud800"}], ids=ascii
)
def test_what_could_not_be_kept_or_read_is_refused_as_json(value):
    with pytest.raises(Invalid):
        checks.json_object("tags", value)


# Secrets


def test_tokens_are_random_and_their_hashes_alike():
    tokens = {security.new_token() for _ in range(1_000)}
    assert len(tokens) == 1_000
    assert all(security.token_hash(token) == security.token_hash(token) for token in tokens)
    assert len({security.token_hash(token) for token in tokens}) == 1_000


async def test_few_passwords_are_hashed_at_once(monkeypatch):
    now, most = 0, 0

    def slowly(password: str) -> str:
        nonlocal now, most
        now += 1
        most = max(most, now)
        sleep(0.01)
        now -= 1
        return password

    monkeypatch.setattr(security._hashes, "hash", slowly)
    await asyncio.gather(*(security.hash_password(str(number)) for number in range(10)))
    assert most <= settings.password_hashes_at_once
