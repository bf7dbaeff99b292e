"""Labels and areas leave as files that other programs open."""

import asyncio
from contextlib import aclosing
from urllib.parse import urlsplit

import gpxpy
import orjson
import osmium
import pyogrio
import pytest
import shapely
from shapely import MultiPolygon, Polygon, box, from_wkb
from shapely.geometry import shape
from sqlalchemy import delete

from app.errors import TimedOut
from app.models.mapping.datasets import AOI, LabelOrigin
from app.services.mapping.labels import exports
from app.services.mapping.predictions import downloads
from app.settings import settings
from resolvers import ids
from tests import factories

COURT = box(12.0005, 46.0005, 12.0009, 46.0009) - box(12.0006, 46.0006, 12.0007, 46.0007)
HOUSE = box(12.0002, 46.0002, 12.0003, 46.0003)
NEXT = box(12.0003, 46.0002, 12.0004, 46.0003)
AREA = box(12.0, 46.0, 12.001, 46.001) - box(12.00095, 46.00095, 12.00098, 46.00098)
LABELS = """query ($id: ID!, $format: FileFormat!) { node(id: $id) {
    ... on AOI { labelsLink(format: $format) } ... on Dataset { labelsLink(format: $format) }
} }"""


@pytest.fixture
async def rows(database, owner):
    dataset = await factories.dataset(database, owner.id)
    aoi = await factories.aoi(database, dataset, geom=AREA)
    other = await factories.aoi(database, dataset)
    osm = {"origin": LabelOrigin.OSM, "osm_id": 5, "osm_type": "way", "tags": {"building": "yes"}}
    await factories.label(database, aoi, geom=HOUSE, **osm)
    await factories.label(database, aoi, geom=NEXT, tags={"building": "shed", "levels": 2, "flat": True})
    await factories.label(database, aoi, geom=MultiPolygon([COURT]))
    await factories.label(database, other, geom=HOUSE, **osm)
    await factories.label(database, other, geom=HOUSE, **osm | {"osm_type": "relation"})
    # What is in another area, too: drawn again where OpenStreetMap has it, and twice, from another corner on.
    await factories.label(database, other, geom=HOUSE)
    await factories.label(database, other, geom=shapely.normalize(NEXT), tags={"building": "shed"})
    stranger = await factories.aoi(database, await factories.dataset(database, owner.id))
    await factories.label(database, stranger, geom=HOUSE, **osm)
    return {"dataset": dataset, "aoi": aoi, "other": other}


@pytest.fixture
def download(api, ask, rows, tmp_path):
    """The file behind a link that anybody may ask for."""

    async def download(name, format):
        link = (await ask(LABELS, id=ids.encode(rows[name]), format=format))["node"]["labelsLink"]
        answer = await api.get(link)
        assert answer.status_code == 200
        _, _, filename = answer.headers["content-disposition"].partition('filename="')
        (path := tmp_path / filename.rstrip('"')).write_bytes(answer.content)
        return path, answer.headers["content-type"].partition(";")[0]

    return download


async def test_geojson_has_every_label_with_its_tags(download, rows):
    path, media_type = await download("aoi", "GEOJSON")
    assert (path.name, media_type) == (f"area-{rows['aoi'].id}-labels.geojson", "application/geo+json")
    features = orjson.loads(path.read_bytes())["features"]
    assert [feature["properties"] for feature in features] == [
        {"building": "yes", "osm_id": 5, "osm_type": "way"},
        {"building": "shed", "levels": 2, "flat": True},
        {},
    ]
    assert shape(features[2]["geometry"]).equals(MultiPolygon([COURT]))
    assert pyogrio.read_info(path)["features"] == 3


@pytest.mark.parametrize("form", ["GEOJSON", "FLATGEOBUF"])
async def test_a_dataset_has_each_footprint_once(download, form):
    path, _ = await download("dataset", form)
    fields, _, _, values = pyogrio.raw.read(path)
    named = dict(zip(fields["fields"].tolist(), values, strict=True))
    elements = zip(named["osm_type"], named["osm_id"], strict=True)
    known = sorted((osm_type, int(osm_id)) for osm_type, osm_id in elements if osm_type)
    assert (len(named["osm_id"]), known) == (4, [("relation", 5), ("way", 5)])
    path, _ = await download("other", form)
    assert pyogrio.read_info(path)["features"] == 4


async def test_osm_xml_shares_nodes_and_keeps_holes(download):
    path, media_type = await download("aoi", "OSM_XML")
    assert (path.suffix, media_type) == (".osm", "application/vnd.openstreetmap.data+xml")
    nodes, ways, relations = [], [], []
    for element in osmium.FileProcessor(str(path)):
        if element.is_node():
            nodes.append(element.id)
        elif element.is_way():
            ways.append(([node.ref for node in element.nodes], dict(element.tags)))
        else:
            relations.append(([member.role for member in element.members], dict(element.tags)))
    assert len(nodes) == 6 + 8
    assert [(len(refs), tags) for refs, tags in ways] == [
        (5, {"building": "yes"}),
        (5, {"building": "shed", "levels": "2", "flat": "yes"}),
        (5, {}),
        (5, {}),
    ]
    assert relations == [(["outer", "inner"], {"type": "multipolygon"})]


async def test_osm_xml_for_gdal_has_positive_ids_and_is_not_for_upload(api, ask, rows, tmp_path):
    document = """query ($id: ID!) { dataset(id: $id) {
        gdal: labelsLink(format: OSM_XML, positiveIds: true) editors: labelsLink(format: OSM_XML)
    } }"""
    links = (await ask(document, id=ids.encode(rows["dataset"])))["dataset"]
    for name, link in links.items():
        (path := tmp_path / f"{name}.osm").write_bytes((await api.get(link)).content)
        # Two of them came from OpenStreetMap: uploaded, they would be there twice.
        assert b'upload="never"' in path.read_bytes()
    _, _, shapes, _ = pyogrio.raw.read(tmp_path / "gdal.osm", layer="multipolygons")
    assert len(shapes) >= 3
    assert all(each.id < 0 for each in osmium.FileProcessor(str(tmp_path / "editors.osm")))


async def test_gpx_is_read_by_gdal_and_says_what_it_is(api, ask, rows, tmp_path):
    link = (await ask("query ($id: ID!) { aoi(id: $id) { gpxLink } }", id=ids.encode(rows["aoi"])))["aoi"]["gpxLink"]
    (path := tmp_path / "area.gpx").write_bytes((await api.get(link)).content)
    _, _, [track], _ = pyogrio.raw.read(path, layer="tracks")
    shape_of_track = from_wkb(track)
    assert [Polygon(line.coords).area for line in shape_of_track.geoms] == [
        pytest.approx(Polygon(ring.coords).area) for ring in (AREA.exterior, *AREA.interiors)
    ]
    assert gpxpy.parse(path.read_text()).version == "1.1"


async def test_flatgeobuf_has_them_with_an_index(download):
    path, media_type = await download("dataset", "FLATGEOBUF")
    assert (path.suffix, media_type) == (".fgb", "application/flatgeobuf")
    facts, _, geometries, values = pyogrio.raw.read(path)
    downloads = sorted(zip(*(each.tolist() for each in values), strict=True), key=str)
    assert list(facts["fields"]) == ["origin", "osm_id", "osm_type", "tags"]
    assert downloads[:2] == [("OSM", 5, "relation", '{"building": "yes"}'), ("OSM", 5, "way", '{"building": "yes"}')]
    assert downloads[2:] == [
        ("UPLOAD", 0, "", ""),
        ("UPLOAD", 0, "", '{"flat": true, "levels": 2, "building": "shed"}'),
    ]
    assert values[1].dtype.kind == "i"
    assert pyogrio.list_layers(path)[0][0] == "labels"
    assert {from_wkb(each).geom_type for each in geometries} == {"MultiPolygon"}
    assert pyogrio.read_info(path)["capabilities"]["fast_spatial_filter"]


async def test_of_no_labels_there_is_no_flatgeobuf(api, ask, database, owner):
    bare = await factories.dataset(database, owner.id)
    link = (await ask(LABELS, id=ids.encode(bare), format="FLATGEOBUF"))["node"]["labelsLink"]
    answer = await api.get(link)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (404, "NOT_FOUND")


async def test_a_browser_takes_a_file_for_nothing_else(api, ask, rows):
    link = (await ask(LABELS, id=ids.encode(rows["aoi"]), format="OSM_XML"))["node"]["labelsLink"]
    headers = (await api.get(link)).headers
    assert headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["content-disposition"].startswith("attachment; ")


async def test_a_boundary_is_a_track_with_its_holes(api, ask, rows):
    link = (await ask("query ($id: ID!) { aoi(id: $id) { gpxLink } }", id=ids.encode(rows["aoi"])))["aoi"]["gpxLink"]
    answer = await api.get(link)
    assert answer.headers["content-type"] == "application/gpx+xml"
    [track] = gpxpy.parse(answer.text).tracks
    rings = [[(point.longitude, point.latitude) for point in segment.points] for segment in track.segments]
    assert Polygon(rings[0], rings[1:]).equals(AREA)


@pytest.mark.parametrize("form", ["GEOJSON", "OSM_XML", "FLATGEOBUF"])
async def test_labels_are_read_by_one_cursor(download, monkeypatch, statements, form):
    monkeypatch.setattr(downloads, "BATCH", 1)
    statements.clear()
    path, _ = await download("dataset", form)
    assert path.stat().st_size
    assert len([each for each in statements if "labels.geom" in each]) == 1


@pytest.mark.parametrize("form", ["GEOJSON", "OSM_XML", "FLATGEOBUF"])
async def test_a_file_says_how_long_it_is(api, ask, rows, form):
    link = (await ask(LABELS, id=ids.encode(rows["dataset"]), format=form))["node"]["labelsLink"]
    answer = await api.get(link, headers={"Accept-Encoding": "identity"})
    assert int(answer.headers["content-length"]) == len(answer.content) > 0


@pytest.mark.parametrize("form", ["GEOJSON", "OSM_XML"])
async def test_what_cannot_be_finished_is_not_begun(api, ask, rows, monkeypatch, form):
    link = (await ask(LABELS, id=ids.encode(rows["dataset"]), format=form))["node"]["labelsLink"]
    monkeypatch.setattr(downloads, "BATCH", 1)
    parts = downloads.batches

    async def breaks(session, rows):
        async with aclosing(parts(session, rows)) as downloads:
            yield await anext(downloads)
            raise TimedOut("The database took too long.")

    monkeypatch.setattr(exports, "batches", breaks)
    answer = await api.get(link)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (503, "TIMEOUT")


async def test_a_file_that_takes_too_long_is_refused(api, ask, rows, monkeypatch):
    link = (await ask(LABELS, id=ids.encode(rows["dataset"]), format="GEOJSON"))["node"]["labelsLink"]
    monkeypatch.setattr(settings, "export_s_max", 0)
    answer = await api.get(link)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (503, "TIMEOUT")


async def test_a_link_is_good_for_what_it_was_made_for_and_for_a_while(api, ask, database, rows, monkeypatch):
    asked = {"id": ids.encode(rows["aoi"]), "format": "GEOJSON"}
    link = (await ask(LABELS, **asked))["node"]["labelsLink"]
    for address, status, code in ((link[:-1], 403, "FORBIDDEN"), (link.replace("exports", "files"), 403, "FORBIDDEN")):
        answer = await api.get(address)
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (status, code)
    monkeypatch.setattr(settings, "file_link_s", -1)
    assert (await api.get((await ask(LABELS, **asked))["node"]["labelsLink"])).status_code == 410
    async with database.writing() as session:
        await session.execute(delete(AOI).where(AOI.id == rows["aoi"].id))
    assert (await api.get(link)).status_code == 410


async def test_writing_ends_when_the_client_leaves(application, ask, rows, monkeypatch):
    begun, ended = asyncio.Event(), asyncio.Event()

    async def endless():
        try:
            while True:
                begun.set()
                yield b"x"
                await asyncio.sleep(0.01)
        finally:
            ended.set()

    monkeypatch.setattr(exports, "_labels", lambda *_: endless())
    link = (await ask(LABELS, id=ids.encode(rows["aoi"]), format="GEOJSON"))["node"]["labelsLink"]
    asked, sent = iter([{"type": "http.request", "body": b"", "more_body": False}]), []

    async def receive():
        if message := next(asked, None):
            return message
        await begun.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    path = urlsplit(link).path
    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"",
             "headers": [], "client": ("127.0.0.1", 1), "server": ("api", 80), "scheme": "http",
             "http_version": "1.1", "asgi": {"version": "3.0"}, "root_path": ""}  # fmt: skip
    async with asyncio.timeout(120):
        await application(scope, receive, send)
    assert ended.is_set()
    assert [message.get("status") for message in sent][:1] in ([], [499])
