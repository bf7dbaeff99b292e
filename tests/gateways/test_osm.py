"""Mapped buildings come once each, whole and sound, or a sentence says why they do not."""

from datetime import UTC, datetime

import pytest
import shapely
from shapely.geometry import MultiPolygon, box, mapping
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from app.gateways import osm
from app.gateways.fakes import village
from app.gateways.outside import Outage
from app.settings import settings
from tests.servers import serving

AREA = village.TRAINING_AREAS[0]


def entry(osm_id, geometry, osm_type="ways_poly", **more):
    shape = geometry if isinstance(geometry, dict) else mapping(geometry)
    properties = {"osm_id": osm_id, "osm_type": osm_type, "tags": {"building": "yes"}, **more}
    return {"type": "Feature", "geometry": shape, "properties": properties}


@pytest.fixture
def answering(monkeypatch):
    """A service that answers with the given features, and what it was asked."""
    questions, running = [], []

    def start(*features):
        async def snapshot(request):
            questions.append(await request.json())
            return JSONResponse({"type": "FeatureCollection", "features": list(features)})

        server = serving(Starlette(routes=[Route("/v1/snapshot/plain/", snapshot, methods=["POST"])]))
        running.append(server)
        started = server.__enter__()
        monkeypatch.setattr(settings, "outside_hosts_allowed", [started.host])
        monkeypatch.setattr(settings, "osm_features_url", started.url + "/v1/")
        return questions

    yield start
    for server in running:
        server.__exit__(None, None, None)


async def test_the_village_comes_with_every_house_that_touches_the_area():
    found = await osm.fetch_features(AREA)
    expected = [one for one in village.footprints(AREA.bounds) if one.geometry.intersects(AREA)]
    assert {feature.osm_id for feature in found} == {one.osm_id for one in expected}
    assert {feature.osm_type for feature in found} <= {"way", "relation"}
    assert all(feature.geometry.is_valid and feature.tags["building"] for feature in found)
    assert any(not AREA.contains(feature.geometry) for feature in found)
    assert found[0].timestamp == datetime(2026, 1, 1, tzinfo=UTC)


async def test_the_question_asks_for_buildings_that_reach_into_the_area(answering):
    questions = answering()
    assert await osm.fetch_features(box(1, 2, 1.01, 2.01)) == []
    assert questions[0]["filters"] == {"tags": {"all_geometry": {"join_or": {"building": []}}}}
    assert questions[0]["useStWithin"] is False
    assert shapely.geometry.shape(questions[0]["geometry"]).equals(box(1, 2, 1.01, 2.01))


async def test_a_way_and_a_relation_of_one_number_are_two_and_a_repeated_way_is_one(answering):
    house = box(0, 0, 0.001, 0.001)
    answering(entry(5, house), entry(5, house, "relations"), entry(5, house))
    found = await osm.fetch_features(AREA)
    assert [(feature.osm_type, feature.osm_id) for feature in found] == [("way", 5), ("relation", 5)]


async def test_crossing_rings_are_repaired_and_what_encloses_no_ground_is_dropped(answering):
    crossing = {"type": "Polygon", "coordinates": [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]}
    flat = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [2, 2], [0, 0]]]}
    answering(
        entry(1, crossing),
        entry(2, flat),
        entry(3, {"type": "Point", "coordinates": [0, 0]}, "nodes"),
        entry(4, {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}),
        entry(5, {"type": "Polygon", "coordinates": [[[0, 0], [200, 0], [200, 9], [0, 0]]]}),
        entry(6, {"type": "Polygon", "coordinates": "none"}),
        entry(7, box(0, 0, 1, 1), "triangles"),
        {"type": "Feature", "geometry": mapping(box(0, 0, 1, 1)), "properties": {}},
        {"type": "Feature", "geometry": None, "properties": {"osm_id": 8, "osm_type": "ways_poly"}},
        None,
        entry(9, box(0, 0, 1, 1), version=4, timestamp="yesterday", tags=None),
        entry(10, {"type": "Polygon", "coordinates": [[[0, 0, 9], [1, 0, 9], [1, 1, 9], [0, 0, 9]]]}),
    )
    found = {feature.osm_id: feature for feature in await osm.fetch_features(AREA)}
    assert set(found) == {1, 9, 10}
    assert isinstance(found[1].geometry, MultiPolygon)
    assert found[1].geometry.area == pytest.approx(2)
    assert (found[9].version, found[9].timestamp, found[9].tags) == (4, None, {})
    assert not found[10].geometry.has_z


@pytest.mark.parametrize(
    ("mode", "reason", "tries"),
    [
        ("429", "answered 429", 3),
        ("500", "answered 500", 3),
        ("400", "answered 400", 1),
        ("html", "sent something that is not GeoJSON", 1),
        ("garbage", "sent something that is not GeoJSON", 1),
        ("huge", "sent more than 1,000,000 bytes", 1),
        ("never", "did not answer within 0.6 s", 3),
        ("slow", "did not answer within 0.6 s", 3),
        ("redirect-private", "could not be reached at a public address", 3),
    ],
)
async def test_a_service_that_fails_is_left_with_a_reason(fakes, monkeypatch, mode, reason, tries):
    monkeypatch.setattr(settings, "osm_features_url", f"{fakes.url}/broken/{mode}/v1")
    monkeypatch.setattr(settings, "osm_reply_bytes_max", 1_000_000)
    if mode in {"never", "slow"}:
        monkeypatch.setattr(settings, "osm_s_max", 0.6)
    with pytest.raises(Outage) as refused:
        await osm.fetch_features(AREA)
    assert refused.value.message == f"The OpenStreetMap service {reason}."
    assert fakes.asked == {f"/broken/{mode}/v1/snapshot/plain/": tries}


async def test_a_service_that_stumbles_is_asked_again(fakes, monkeypatch):
    monkeypatch.setattr(settings, "osm_features_url", f"{fakes.url}/broken/flaky/v1")
    assert await osm.fetch_features(AREA)


async def test_more_features_than_allowed_are_refused(monkeypatch):
    monkeypatch.setattr(settings, "osm_features_max", 10)
    with pytest.raises(Outage, match="sent more than 10 features"):
        await osm.fetch_features(AREA)
