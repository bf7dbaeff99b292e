"""Areas of interest: drawn, refused, and never too many."""

import asyncio
from math import cos, radians

import pytest
from shapely.geometry import shape
from sqlalchemy import func, select

from app.geometry.shapes import to_geojson
from app.models.mapping.datasets import AOI
from app.settings import settings
from resolvers import ids
from tests import factories
from tests.factories import SQUARE
from tests.mapping.shapes import NOT_A_POLYGON, UNFIT, circle, ring, square

FIELDS = "geom labelStatus labelFetched labelError createdAt lastModified user { username } dataset { id }"


@pytest.fixture
async def dataset(database, owner):
    return await factories.dataset(database, owner.id)


async def test_an_area_is_drawn_and_found_again(ask, change, owner, dataset):
    made = await change("createAoi", FIELDS, viewer=owner, datasetId=ids.encode(dataset), geom=square(0.001))
    assert made["geom"] == square(0.001) | {"coordinates": made["geom"]["coordinates"]}
    assert (made["labelStatus"], made["labelFetched"], made["labelError"]) == ("NOT_DOWNLOADED", None, None)
    assert (made["user"], made["dataset"]) == ({"username": "owner"}, {"id": ids.encode(dataset)})
    found = await ask(f"query ($id: ID!) {{ aoi(id: $id) {{ __typename id {FIELDS} }} }}", id=made["id"])
    assert found == {"aoi": made}


async def test_rings_are_turned_as_the_standard_wants_them_and_holes_are_kept(change, owner, dataset):
    clockwise = [[12.0, 46.0], [12.0, 46.01], [12.01, 46.01], [12.01, 46.0], [12.0, 46.0]]
    hole = [[12.002, 46.002], [12.004, 46.002], [12.004, 46.004], [12.002, 46.004], [12.002, 46.002]]
    geom = {"type": "Polygon", "coordinates": [clockwise, hole]}
    made = await change("createAoi", FIELDS, viewer=owner, datasetId=ids.encode(dataset), geom=geom)
    outer, inner = made["geom"]["coordinates"]
    assert outer == clockwise[::-1]
    assert inner == hole[::-1]


async def test_an_area_may_come_as_a_feature_with_heights(change, owner, dataset):
    corners = [[12.0, 46.0, 5.0], [12.01, 46.0, 5.0], [12.01, 46.01, 5.0], [12.0, 46.0, 5.0]]
    feature = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [corners]}}
    made = await change("createAoi", FIELDS, viewer=owner, datasetId=ids.encode(dataset), geom=feature)
    assert made["geom"]["coordinates"] == [[corner[:2] for corner in corners]]


ALONE = {
    "a MultiPolygon": {"type": "MultiPolygon", "coordinates": [square(0.001)["coordinates"]]},
    "a collection of geometries": {"type": "GeometryCollection", "geometries": [square(0.001)]},
    "a feature": {"type": "Feature", "properties": {}, "geometry": square(0.001)},
    "a feature collection": {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "properties": {}, "geometry": square(0.001)}],
    },
    "a MultiPolygon in a collection": {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "geometry": {"type": "MultiPolygon", "coordinates": [square(0.001)["coordinates"]]}}
        ],
    },
    "degrees by name": square(0.001) | {"crs": {"type": "name", "properties": {"name": "EPSG:4326"}}},
}


@pytest.mark.parametrize("kind", ALONE)
async def test_a_polygon_may_come_in_others_if_it_is_alone(change, owner, dataset, kind):
    made = await change("createAoi", "geom", viewer=owner, datasetId=ids.encode(dataset), geom=ALONE[kind])
    assert shape(made["geom"]).equals(shape(square(0.001)))
    assert made["geom"]["type"] == "Polygon"


async def test_an_area_in_another_reference_system_is_moved(change, owner, dataset):
    corners = [(1335833.9, 5780349.2), (1335945.2, 5780349.2), (1335945.2, 5780509.5), (1335833.9, 5780509.5)]
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3857"}}
    feature = {"type": "Feature", "properties": {}, "geometry": ring(*corners)}
    geom = {"type": "FeatureCollection", "crs": crs, "features": [feature]}
    made = await change("createAoi", "geom", viewer=owner, datasetId=ids.encode(dataset), geom=geom)
    for place, expected in zip(made["geom"]["coordinates"][0], square(0.001)["coordinates"][0], strict=True):
        assert place == pytest.approx(expected, abs=1e-5)


SEVERAL = {
    "Give a single feature; this FeatureCollection has 2.": {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "geometry": square(0.001)}] * 2,
    },
    "Give a single feature; this FeatureCollection has 0.": {"type": "FeatureCollection", "features": []},
    "This feature has no geometry.": {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "geometry": None}],
    },
    'The coordinate reference system "LOCAL:5" is not known. Use EPSG:4326.': square(0.001)
    | {"crs": {"type": "name", "properties": {"name": "LOCAL:5"}}},
}


@pytest.mark.parametrize("message", SEVERAL)
async def test_what_is_not_alone_is_refused_in_plain_words(refuse, owner, dataset, message):
    refused = await refuse("createAoi", viewer=owner, datasetId=ids.encode(dataset), geom=SEVERAL[message])
    assert message in refused["message"]
    assert "geom" in refused["message"]
    for python in ("{'", "b'", "None", "Error"):
        assert python not in refused["message"]


async def test_an_unfit_area_is_refused_in_words(refuse, owner, dataset):
    for why, geom in UNFIT.items():
        refused = await refuse("createAoi", viewer=owner, datasetId=ids.encode(dataset), geom=geom)
        assert refused["code"] in {"INVALID_INPUT", "BAD_REQUEST"}, why
        assert refused["__typename"] == "errors" or refused["field"] == "geom", why


async def test_ten_thousand_vertices_are_taken(change, owner, dataset):
    made = await change("createAoi", "geom", viewer=owner, datasetId=ids.encode(dataset), geom=circle(9_999))
    assert len(made["geom"]["coordinates"][0]) == 10_000


async def test_what_is_no_polygon_is_refused_in_words(refuse, owner, dataset):
    for why, geom in NOT_A_POLYGON.items():
        refused = await refuse("createAoi", viewer=owner, datasetId=ids.encode(dataset), geom=geom)
        assert refused["code"] == "BAD_REQUEST", why
        assert "geom" in refused["message"], why


@pytest.mark.parametrize("number", ["1e400", "-1e400"])
async def test_infinity_is_refused(ask, unchanged, owner, dataset, number):
    document = f"""mutation ($id: ID!) {{ createAoi(input: {{datasetId: $id, geom: {{
        type: "Polygon", coordinates: [[[12, 46], [{number}, 46], [12.01, 46.01], [12, 46]]]
    }}}}) {{ ... on InvalidInput {{ field }} }} }}"""
    async with unchanged():
        answer = await ask(document, viewer=owner, id=ids.encode(dataset))
    assert answer.codes == ["BAD_REQUEST"] or answer["createAoi"] == {"field": "geom"}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e400"])
async def test_numbers_that_json_does_not_know_are_refused(api, unchanged, owner, dataset, number):
    body = """{"query": "mutation ($input: CreateAoiInput!) { createAoi(input: $input) { __typename } }",
        "variables": {"input": {"datasetId": "%s", "geom": {
            "type": "Polygon", "coordinates": [[[12, 46], [%s, 46], [12.01, 46.01], [12, 46]]]}}}}"""
    headers = {"Authorization": f"Bearer {owner.token}", "Content-Type": "application/json"}
    async with unchanged():
        reply = await api.post("/graphql", content=body % (ids.encode(dataset), number), headers=headers)
    assert reply.status_code < 500
    assert "errors" in reply.json() or reply.json()["data"]["createAoi"] == {"__typename": "InvalidInput"}


async def test_a_dataset_has_no_more_areas_than_it_may_even_when_drawn_at_once(
    change, database, owner, dataset, monkeypatch
):
    monkeypatch.setattr(settings, "aois_per_dataset_max", 3)
    drawn = await asyncio.gather(
        *(change("createAoi", viewer=owner, datasetId=ids.encode(dataset), geom=square(0.001)) for _ in range(10))
    )
    assert sorted(answer["__typename"] for answer in drawn) == ["AOI"] * 3 + ["LimitReached"] * 7
    assert {answer["limit"] for answer in drawn if "limit" in answer} == {3}
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(AOI)) == 3


async def test_staff_may_draw_in_anybodys_dataset(change, staff, dataset):
    made = await change("createAoi", FIELDS, viewer=staff, datasetId=ids.encode(dataset), geom=to_geojson(SQUARE))
    assert made["user"] == {"username": "staff"}


async def test_an_area_as_large_as_allowed_is_taken(change, owner, dataset):
    side = 2_200 / 111_320  # metres as degrees of latitude
    width = side / cos(radians(46))
    geom = ring((12, 46), (12 + width, 46), (12 + width, 46 + side), (12, 46 + side))
    assert (await change("createAoi", viewer=owner, datasetId=ids.encode(dataset), geom=geom))["__typename"] == "AOI"
