"""Large areas are asked of a task, which always ends; where raw data is down, the map itself is asked."""

import zipfile
from io import BytesIO

import pytest
from shapely.geometry import box
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.errors import Invalid, Unavailable
from app.gateways import osm
from app.gateways.fakes import village
from app.gateways.osm import overpass
from app.gateways.outside import Outage
from app.settings import settings
from tests.servers import serving

AREA = village.TRAINING_AREAS[0]


@pytest.fixture
def large(monkeypatch, fakes):
    """Any area is a large one, and no task is waited for long."""
    for name, value in {"osm_plain_area_m2_max": 1, "osm_poll_s": 0.01, "osm_snapshot_s_max": 5}.items():
        monkeypatch.setattr(settings, name, value)

    def fated(fate):
        monkeypatch.setattr(settings, "osm_features_url", f"{fakes.url}/osm/{fate}/v1/")

    return fated


@pytest.fixture
def overpass_only(monkeypatch, fakes):
    monkeypatch.setattr(settings, "osm_features_url", None)
    monkeypatch.setattr(settings, "osm_overpass_url", f"{fakes.url}/overpass/api/interpreter")


@pytest.fixture
def answering(monkeypatch):
    """A server whose routes answer what the test says."""
    running = []

    def start(**answers):
        def route(answer):
            async def say(_):
                return answer if isinstance(answer, Response) else JSONResponse(answer)

            return say

        routes = [Route(f"/{name}/", route(said), methods=["GET", "POST"]) for name, said in answers.items()]
        running.append(serving(Starlette(routes=routes)))
        started = running[-1].__enter__()
        monkeypatch.setattr(settings, "outside_hosts_allowed", [started.host])
        monkeypatch.setattr(settings, "osm_features_url", started.url)
        monkeypatch.setattr(settings, "osm_overpass_url", None)
        return started

    yield start
    for server in running:
        server.__exit__(None, None, None)


async def test_a_task_is_looked_at_until_its_archive_is_there(large, fakes):
    at_once = {(one.osm_type, one.osm_id): one.geometry for one in await osm.fetch_features(AREA)}
    large("well")
    fakes.asked.clear()
    found = {(one.osm_type, one.osm_id): one.geometry for one in await osm.fetch_features(AREA)}
    assert found == at_once
    assert sorted(fakes.asked.values()) == [1, 1, 4]


@pytest.mark.parametrize(
    ("fate", "reason", "heals"),
    [
        ("failure", "failed (FAILURE)", False),
        ("revoked", "was cancelled (REVOKED)", False),
        ("unknown", "sent an unknown status: DREAMING", False),
        ("forever", "did not finish within 0.2 s", True),
    ],
)
async def test_a_task_that_does_not_end_well_is_left_with_a_reason(large, monkeypatch, fate, reason, heals):
    large(fate)
    if fate == "forever":
        monkeypatch.setattr(settings, "osm_snapshot_s_max", 0.2)
    with pytest.raises(Outage) as refused:
        await osm.fetch_features(AREA)
    assert (refused.value.message, refused.value.heals) == (f"The OpenStreetMap service {reason}.", heals)


def archive(**files):
    with zipfile.ZipFile(file := BytesIO(), "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name.replace("__", "."), content)
    return Response(file.getvalue(), media_type="application/zip")


WRONG_TASKS = {
    "a task nobody can find": ({"snapshot": {"task_id": "1"}}, "did not return the location of its task"),
    "a task elsewhere": ({"snapshot": {"track_link": "http://127.0.0.2/"}}, "did not return the location of its task"),
    "no object": ({"snapshot": []}, "sent something that is not a JSON object"),
    "success without a file": (
        {"snapshot": {"track_link": "/task/"}, "task": {"status": "SUCCESS", "result": "done"}},
        "did not return the location of its file",
    ),
    "no archive": ({"archive": Response(b"PK, but no zip")}, "sent no archive with one GeoJSON file"),
    "an archive without features": (
        {"archive": archive(Readme__txt="", clipping_boundary__geojson="{}")},
        "sent no archive with one GeoJSON file",
    ),
    "an archive that grows": ({"archive": archive(a__geojson=" " * 10_000)}, "sent more than 5,000 bytes"),
    "an archive without GeoJSON": ({"archive": archive(a__geojson="[]")}, "sent something that is not GeoJSON"),
}


@pytest.mark.parametrize("case", WRONG_TASKS)
async def test_what_a_task_leaves_is_not_trusted(large, monkeypatch, answering, case):
    monkeypatch.setattr(settings, "osm_unpacked_bytes_max", 5_000)
    answers, reason = WRONG_TASKS[case]
    task = {"status": "SUCCESS", "result": {}}
    server = answering(**{"snapshot": {"track_link": "/task/"}, "task": task, **answers})
    task["result"]["download_url"] = f"{server.url}/archive/"
    with pytest.raises(Outage) as refused:
        await osm.fetch_features(AREA)
    assert refused.value.message == f"The OpenStreetMap service {reason}."


async def test_an_archive_on_a_private_host_is_not_fetched(large, answering, monkeypatch):
    monkeypatch.setattr(settings, "osm_tries_max", 1)
    answering(
        snapshot={"track_link": "/task/"}, task={"status": "SUCCESS", "result": {"download_url": "http://127.0.0.2/a"}}
    )
    with pytest.raises(Outage, match="could not be reached at a public address"):
        await osm.fetch_features(AREA)


async def test_only_what_has_the_tags_is_fetched():
    everything = await osm.fetch_features(AREA)
    sheds = await osm.fetch_features(AREA, {"building": ["shed"]})
    assert {one.tags["building"] for one in everything} == {"yes", "shed"}
    assert {one.osm_id for one in sheds} == {one.osm_id for one in everything if one.tags["building"] == "shed"}
    assert await osm.fetch_features(AREA, {"natural": []}) == []


async def test_overpass_finds_what_raw_data_finds(monkeypatch, fakes):
    raw = {(one.osm_type, one.osm_id): one for one in await osm.fetch_features(AREA)}
    monkeypatch.setattr(settings, "osm_features_url", None)
    monkeypatch.setattr(settings, "osm_overpass_url", f"{fakes.url}/overpass/api/interpreter")
    found = {(one.osm_type, one.osm_id): one for one in await osm.fetch_features(AREA)}
    assert found.keys() == raw.keys()
    assert all(found[key].geometry.equals_exact(raw[key].geometry, 1e-9, normalize=True) for key in raw)
    assert {one.tags["building"] for one in await osm.fetch_features(AREA, {"building": ["shed"]})} == {"shed"}


@pytest.mark.parametrize(("mode", "asks_overpass"), [("500", True), ("429", True), ("400", False), ("html", False)])
async def test_overpass_is_asked_where_raw_data_is_down(monkeypatch, fakes, mode, asks_overpass):
    monkeypatch.setattr(settings, "osm_features_url", f"{fakes.url}/broken/{mode}/v1")
    monkeypatch.setattr(settings, "osm_overpass_url", f"{fakes.url}/overpass/api/interpreter")
    if asks_overpass:
        assert await osm.fetch_features(AREA)
    else:
        with pytest.raises(Outage, match="The OpenStreetMap service"):
            await osm.fetch_features(AREA)
    assert ("/overpass/api/interpreter" in fakes.asked) is asks_overpass


async def test_overpass_at_its_own_limits_is_an_outage(answering, monkeypatch):
    server = answering(api={"elements": [], "remark": "runtime error: Query timed out"})
    monkeypatch.setattr(settings, "osm_features_url", None)
    monkeypatch.setattr(settings, "osm_overpass_url", f"{server.url}/api/")
    with pytest.raises(Outage) as refused:
        await osm.fetch_features(AREA)
    assert (refused.value.message, refused.value.heals) == (
        "Overpass stopped early: runtime error: Query timed out.",
        True,
    )


def way(number, shape, **more):
    return {
        "type": "way",
        "id": number,
        "geometry": [{"lat": y, "lon": x} for x, y in shape.exterior.coords],
        "tags": {"building": "yes"},
        **more,
    }


async def test_overpass_relations_are_put_together_and_what_is_no_area_is_dropped(answering, monkeypatch):
    outer, hole = box(0, 0, 4, 4), box(1, 1, 2, 2)
    corners = [{"lat": y, "lon": x} for x, y in outer.exterior.coords]
    members = [
        {"type": "way", "ref": 1, "role": "outer", "geometry": corners[:3]},
        {"type": "way", "ref": 2, "role": "outer", "geometry": corners[2:]},
        {"type": "way", "ref": 3, "role": "inner", "geometry": way(3, hole)["geometry"]},
        {"type": "node", "ref": 4, "role": "label", "lat": 1, "lon": 1},
    ]
    tags = {"building": "yes", "type": "multipolygon"}
    server = answering(
        api={
            "elements": [
                {"type": "relation", "id": 1, "tags": tags, "members": members},
                {"type": "relation", "id": 2, "tags": tags, "members": members[:1]},
                {"type": "relation", "id": 3, "tags": {"type": "route"}, "members": members},
                way(1, box(5, 5, 6, 6), version=7, timestamp="2026-01-01T00:00:00Z"),
                way(1, box(5, 5, 6, 6)),
                way(2, box(5, 5, 6, 6)) | {"geometry": corners[:3]},
                way(3, box(5, 5, 6, 6)) | {"geometry": [None]},
                {"type": "node", "id": 4, "lat": 1, "lon": 1},
                None,
            ]
        }
    )
    monkeypatch.setattr(settings, "osm_features_url", None)
    monkeypatch.setattr(settings, "osm_overpass_url", f"{server.url}/api/")
    relation, found = await osm.fetch_features(AREA)
    assert (relation.osm_type, relation.osm_id, relation.geometry.equals(outer - hole)) == ("relation", 1, True)
    assert (found.osm_type, found.osm_id, found.version) == ("way", 1, None)


async def test_the_words_of_overpass_are_quoted():
    asked = overpass.question(box(0, 0, 1, 1), {'na"me': ["a\\b"], "building": []})
    ring = "0.0000000 1.0000000 1.0000000 1.0000000 1.0000000 0.0000000 0.0000000 0.0000000"
    assert asked == (
        f'[out:json][timeout:60];(wr["na\\"me"="a\\\\b"](poly:"{ring}");wr["building"](poly:"{ring}"););out meta geom;'
    )


async def test_without_any_service_it_says_so(monkeypatch):
    monkeypatch.setattr(settings, "osm_features_url", None)
    with pytest.raises(Unavailable, match="No OpenStreetMap service"):
        await osm.fetch_features(AREA)


def test_tags_are_checked_before_anybody_is_asked():
    assert osm.check_tags("tags", {" building ": ["yes", "yes", " house"]}) == {"building": ["yes", "house"]}
    for wrong in (
        {},
        {"": []},
        {"a" * 256: []},
        {"a\x00": []},
        {"a": ["b\x00"]},
        {str(n): [] for n in range(11)},
    ):
        with pytest.raises(Invalid):
            osm.check_tags("tags", wrong)
    with pytest.raises(Invalid, match="at most 50 values"):
        osm.check_tags("tags", {"a": [str(n) for n in range(51)]})
