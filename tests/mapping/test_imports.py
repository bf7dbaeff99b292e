"""Files of labels: sent to a link, imported by a job as far as they can be used, or none of them."""

import asyncio
import gzip

import orjson
import osmium
import pytest
from shapely import MultiPolygon, Polygon, box
from shapely.affinity import translate
from sqlalchemy import func, select

from app.formats import Feature, write_file, written
from app.formats.features.geojson import GeoJson
from app.formats.features.osm_xml import OsmXml
from app.gateways import storage
from app.models.mapping.datasets import Label, LabelOrigin
from app.models.mapping.imports import LabelImport
from app.models.system import JobState
from app.settings import settings
from resolvers import ids
from tests import factories

HOUSE = box(12.0002, 46.0002, 12.0003, 46.0003)
NEXT = box(12.0003, 46.0002, 12.0004, 46.0003)
COURT = box(12.0005, 46.0005, 12.0009, 46.0009) - box(12.0006, 46.0006, 12.0007, 46.0007)
FAR = box(13, 47, 13.001, 47.001)
FEATURES = [
    Feature(HOUSE, {"building": "yes"}),
    Feature(NEXT, {"building": "shed", "name": "Ä & <b>"}),
    Feature(MultiPolygon([COURT]), {"building": "yes"}),
    Feature(FAR, {"building": "yes"}),
]
WRITERS = {"GEOJSON": GeoJson, "OSM_XML": OsmXml}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "home", tmp_path)


@pytest.fixture
def send(api, change, owner):
    """Sends a file to a link; answers with what names it."""

    async def send(content, format="GEOJSON", viewer=None):
        link = await change(
            "createLabelUpload",
            "upload url mediaType bytesMax",
            viewer=viewer or owner,
            format=format,
            bytes=len(content),
        )
        sent = await api.put(link["url"], content=content, headers={"Content-Type": link["mediaType"]})
        assert sent.status_code == 201
        return link["upload"]

    return send


@pytest.fixture
def begin(change, send, owner, aoi):
    async def begin(content, format="GEOJSON", **more):
        upload = await send(content, format)
        return await change("importLabels", "status added", viewer=owner, aoiId=ids.encode(aoi), upload=upload, **more)

    return begin


async def ended(ask, owner, begun) -> dict:
    document = """query ($id: ID!) { labelImport(id: $id) {
        status added outside strict failure
        skipped { reason count examples } finishedAt format job { state } aoi { id } user { id }
    } }"""
    return (await ask(document, viewer=owner, id=begun["id"]))["labelImport"]


@pytest.mark.parametrize("format", ["GEOJSON", "OSM_XML"])
async def test_what_we_export_is_imported_again(ask, owner, aoi, begin, work, format, labels):
    begun = await begin(b"".join(written(WRITERS[format](), [FEATURES])), format)
    assert (begun["status"], begun["added"]) == ("SUBMITTED", None)
    assert (await work()).state is JobState.DONE
    told = await ended(ask, owner, begun)
    assert told.pop("finishedAt") is not None
    assert told == {
        "status": "FINISHED",
        "added": 3,
        "outside": 1,
        "strict": False,
        "skipped": [],
        "failure": None,
        "format": format,
        "job": {"state": "DONE"},
        "aoi": {"id": ids.encode(aoi)},
        "user": {"id": ids.encode(owner.user)},
    }
    kept = await labels()
    assert all(label.origin is LabelOrigin.UPLOAD and label.user_id == owner.id for label in kept)
    assert [label.tags["building"] for label in kept] == ["yes", "shed", "yes"]
    assert kept[1].tags["name"] == "Ä & <b>"
    for label, given in zip(kept, FEATURES, strict=False):
        assert label.geom.symmetric_difference(given.geometry).area < 1e-14


async def test_the_file_is_gone_when_it_has_been_imported_and_is_imported_once(
    change, refuse, database, owner, aoi, send, work, labels
):
    upload = await send(b"".join(written(GeoJson(), [FEATURES])))
    given = {"viewer": owner, "aoiId": ids.encode(aoi), "upload": upload}
    asked = await asyncio.gather(*(change("importLabels", **given) for _ in range(5)))
    assert sorted(answer["__typename"] for answer in asked) == ["Conflict"] * 4 + ["LabelImport"]
    async with database.reading() as session:
        [key] = await session.scalars(select(LabelImport.storage_key))
    await work()
    assert len(await labels()) == 3
    assert not await storage.exists(key)
    assert (await refuse("importLabels", **given))["code"] == "INVALID_INPUT"


async def test_of_osm_xml_the_areas_asked_for_are_labels(begin, work, labels):
    content = b"".join(written(OsmXml(), [[*FEATURES, Feature(HOUSE, {"natural": "wood"}), Feature(NEXT, {})]]))
    for tags, count in (
        ([{"key": "building", "values": ["shed"]}], 1),
        ([{"key": "natural"}, {"key": "building"}], 4),
        ([], 5),
    ):
        await begin(content, "OSM_XML", tags=tags, replace=True)
        await work()
        assert len(await labels()) == count


async def test_an_import_replaces_uploads_alone_if_wanted(database, aoi, begin, work, labels):
    drawn = await factories.label(database, aoi, origin=LabelOrigin.DRAWN)
    fetched = await factories.label(database, aoi, origin=LabelOrigin.OSM, osm_id=5, osm_type="way")
    content = b"".join(written(GeoJson(), [FEATURES[:2]]))
    for replace, count in ((False, 4), (False, 6), (True, 4)):
        await begin(content, replace=replace)
        await work()
        kept = await labels()
        assert len(kept) == count
        assert [label.id for label in kept[:2]] == [drawn.id, fetched.id]


def geojson(*features) -> bytes:
    return orjson.dumps({"type": "FeatureCollection", "features": list(features)})


NODES = '<node id="1" lat="46" lon="12"/><node id="2" lat="46" lon="12.001"/><node id="3" lat="46.001" lon="12"/>'
TAG = '<tag k="building" v="yes"/>'


def osm(elements: str) -> bytes:
    return f'<?xml version="1.0"?><osm version="0.6">{NODES}{elements}</osm>'.encode()


POINT = {"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [12, 46]}}
WRONG = {
    "no JSON": ("GEOJSON", b"building,yes\n", "This is not JSON"),
    "half of it": ("GEOJSON", geojson(POINT)[:-2], "This is not JSON"),
    "not UTF-8": ("GEOJSON", b'{"type": "FeatureCollection", "features": ["\xff"]}', "This is not JSON"),
    "another type": ("GEOJSON", orjson.dumps(POINT), "Labels must be Polygons or MultiPolygons; this is a Point."),
    "nothing": ("GEOJSON", geojson(), "There are no labels in this file."),
    "a point": ("GEOJSON", geojson(POINT), "Labels must be Polygons or MultiPolygons; this is a Point."),
    "a number": ("GEOJSON", geojson(5), "This is not a GeoJSON Feature."),
    "no XML": ("OSM_XML", b"building,yes\n", "This is not XML"),
    "half XML": ("OSM_XML", osm("")[:-9], "This is not XML"),
    "entities": (
        "OSM_XML",
        b'<!DOCTYPE a [<!ENTITY b "c">]><osm>&b;</osm>',
        "An OSM file must not have a document type.",
    ),
    "a node without an id": ("OSM_XML", osm('<node lat="1" lon="1"/>'), "This is not OSM XML: line 1."),
    "a node that is missing": (
        "OSM_XML",
        osm(f'<way id="7"><nd ref="1"/><nd ref="2"/><nd ref="9"/><nd ref="1"/>{TAG}</way>'),
        "Way 7 has nodes that are not in the file.",
    ),
    "a way that is missing": (
        "OSM_XML",
        osm(f'<relation id="7"><member type="way" ref="8" role=""/>{TAG}<tag k="type" v="multipolygon"/></relation>'),
        "Relation 7 needs way 8, which is not in the file.",
    ),
    "ways that do not meet": (
        "OSM_XML",
        osm(
            '<way id="8"><nd ref="1"/><nd ref="2"/></way><relation id="7"><member type="way" ref="8" role="outer"/>'
            f'{TAG}<tag k="type" v="multipolygon"/></relation>'
        ),
        "The ways of relation 7 do not enclose an area.",
    ),
    "no building": ("OSM_XML", osm(""), "There are no labels in this file."),
    "lists that never end": (
        "GEOJSON",
        b'{"type":"FeatureCollection","features":[' + b"[" * 200_000,
        "This is nested more than 64 levels deep.",
    ),
    "an attribute without end": (
        "OSM_XML",
        b'<osm><node id="1" lat="46" lon="12"><tag k="name" v="' + b"x" * 4_000_000,
        "Line 1 has a tag or a comment that is too long.",
    ),
}


@pytest.mark.parametrize("case", WRONG)
async def test_a_wrong_file_adds_nothing_and_says_why(ask, database, owner, aoi, begin, work, case, labels):
    format, content, reason = WRONG[case]
    old = await factories.label(database, aoi)
    begun = await begin(content, format, replace=True)
    assert (await work()).state is JobState.FAILED
    told = await ended(ask, owner, begun)
    assert (told["status"], told["added"], told["skipped"]) == ("FAILED", None, None)
    assert reason in told["failure"]
    assert [label.id for label in await labels()] == [old.id]


async def test_one_wrong_label_far_into_a_file_keeps_out_all_if_strict(ask, owner, begin, work, labels):
    houses = [Feature(translate(HOUSE, 1e-7 * number), {}) for number in range(2_500)]
    content = b"".join(written(GeoJson(), [houses, [Feature(HOUSE.exterior, {})]]))
    begun = await begin(content, strict=True)
    await work()
    told = await ended(ask, owner, begun)
    assert "this is a L" in told["failure"]
    assert told["skipped"] is None
    assert await labels() == []
    begun = await begin(content)
    await work()
    told = await ended(ask, owner, begun)
    assert (told["added"], told["failure"]) == (2_500, None)
    assert told["skipped"] == [{"reason": "NOT_A_POLYGON", "count": 1, "examples": ["features.2500"]}]


async def test_a_notification_says_how_much_was_skipped(ask, owner, begin, work):
    await begin(geojson(POINT, *orjson.loads(b"".join(written(GeoJson(), [FEATURES])))["features"]))
    await work()
    document = "{ notifications(first: 1) { nodes { message } } }"
    [told] = (await ask(document, viewer=owner))["notifications"]["nodes"]
    assert "1 features were skipped." in told["message"]


async def test_a_file_in_another_reference_system_is_imported(ask, owner, begin, work, labels):
    corners = [(1335855.0, 5780380.0), (1335866.0, 5780380.0), (1335866.0, 5780396.0), (1335855.0, 5780380.0)]
    feature = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [corners]}}
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3857"}}
    begun = await begin(orjson.dumps({"type": "FeatureCollection", "features": [feature], "crs": crs}))
    await work()
    assert (await ended(ask, owner, begun))["failure"] is None
    [label] = await labels()
    assert label.geom.within(box(12.0, 46.0, 12.001, 46.001))


@pytest.mark.parametrize("pack", ["osm.gz", "osm.pbf"])
async def test_packed_files_of_osm_are_imported(ask, tmp_path, owner, begin, work, labels, pack):
    plain, packed = tmp_path / "some.osm", tmp_path / "some.osm.pbf"
    write_file(plain, OsmXml(), [FEATURES])
    with osmium.SimpleWriter(str(packed)) as writer:
        for each in osmium.FileProcessor(str(plain)):
            writer.add(each)
    content = gzip.compress(plain.read_bytes()) if pack == "osm.gz" else packed.read_bytes()
    begun = await begin(content, "OSM_XML" if pack == "osm.gz" else "OSM_PBF")
    await work()
    told = await ended(ask, owner, begun)
    assert (told["added"], told["outside"], told["failure"]) == (3, 1, None)
    assert [label.tags["building"] for label in await labels()] == ["yes", "shed", "yes"]


async def test_elements_may_come_in_any_order_and_deleted_ones_are_gone(begin, work, labels):
    way = f'<way id="7"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="1"/>{TAG}</way>'
    gone = way.replace('id="7"', 'id="8" action="delete"') + way.replace('id="7"', 'id="9" visible="false"')
    await begin(f'<osm version="0.6">{way}{gone}{NODES}</osm>'.encode(), "OSM_XML")
    await work()
    [label] = await labels()
    assert label.geom.equals(Polygon([(12, 46), (12.001, 46), (12, 46.001)]))


async def test_more_labels_than_a_dataset_may_hold_are_refused_together(ask, owner, begin, work, monkeypatch, labels):
    monkeypatch.setattr(settings, "labels_per_dataset_max", 2)
    begun = await begin(b"".join(written(GeoJson(), [FEATURES])))
    await work()
    assert (await ended(ask, owner, begun))["failure"] == "This dataset has reached the limit for labels."
    assert await labels() == []


async def test_only_who_may_change_the_area_imports_into_it(refuse, send, owner, other, aoi):
    upload = await send(b"{}", viewer=other)
    given = {"aoiId": ids.encode(aoi), "upload": upload}
    assert (await refuse("importLabels", viewer=other, **given))["code"] == "FORBIDDEN"
    assert (await refuse("importLabels", viewer=owner, **given))["code"] == "INVALID_INPUT"
    assert (await refuse("importLabels", **given))["code"] == "UNAUTHENTICATED"
    assert (await refuse("importLabels", viewer=other, **given | {"aoiId": ids.encode(aoi)[:-1]}))[
        "code"
    ] == "NOT_FOUND"
    assert (await refuse("createLabelUpload", format="GEOJSON", bytes=5))["code"] == "UNAUTHENTICATED"
    too_large = {"format": "GEOJSON", "bytes": settings.label_file_bytes_max + 1}
    assert (await refuse("createLabelUpload", viewer=owner, **too_large))["code"] == "INVALID_INPUT"


async def test_an_import_is_seen_by_its_maker_and_staff(ask, database, owner, other, staff, aoi):
    made = await factories.label_import(database, aoi)
    document = "query ($id: ID!) { labelImport(id: $id) { id } }"
    for viewer, sees in ((owner, True), (staff, True), (other, False), (None, False)):
        answer = await ask(document, viewer=viewer, id=ids.encode(made))
        assert (answer["labelImport"] is not None) is sees


async def test_other_features_than_buildings_are_fetched_if_wanted(change, database, owner, aoi, outside, work):
    asked = {"viewer": owner, "aoiId": ids.encode(aoi)}
    refused = await change("fetchOsmLabels", **asked, tags=[])
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "tags")
    asking = await change(
        "fetchOsmLabels", "labelTags labelStatus", **asked, tags=[{"key": "natural", "values": ["water"]}]
    )
    assert asking["labelTags"] == {"natural": ["water"]}
    await work()
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Label)) == 0
