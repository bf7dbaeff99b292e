"""Labels: uploaded as far as they can be used, and asked of OpenStreetMap once at a time."""

import asyncio

import httpx
import pytest
from shapely import Point, box
from shapely.affinity import translate
from sqlalchemy import func, select

from app.geometry.shapes import to_geojson
from app.main import build
from app.models.kinds.mapping import MappingJob
from app.models.mapping.datasets import Label, LabelOrigin
from app.models.system import Job
from app.settings import settings
from app.settings.units import MIB
from resolvers import ids
from tests import factories
from tests.mapping.shapes import circle
from tests.servers import serving

FIELDS = "added outside skipped { reason count examples } aoi { id labelStatus }"
HOUSE = box(12.0002, 46.0002, 12.0003, 46.0003)


def feature(shape=HOUSE, **properties) -> dict:
    return {"type": "Feature", "geometry": to_geojson(shape), "properties": properties}


def row(count, **properties) -> list[dict]:
    """So many houses, no two at one place."""
    return [feature(translate(HOUSE, 1e-7 * (n % 5_000), 1e-7 * (n // 5_000)), **properties) for n in range(count)]


def collection(*features) -> dict:
    return {"type": "FeatureCollection", "features": list(features)}


async def test_labels_are_uploaded_with_their_properties_as_tags(ask, change, owner, aoi):
    courtyard = box(12.0005, 46.0005, 12.0009, 46.0009) - box(12.0006, 46.0006, 12.0007, 46.0007)
    given = collection(feature(building="yes", height=3.5), feature(courtyard), feature(HOUSE | courtyard))
    answer = await change("uploadLabels", FIELDS, viewer=owner, aoiId=ids.encode(aoi), geojson=given)
    assert answer == {
        "__typename": "LabelUpload",
        "added": 3,
        "outside": 0,
        "skipped": [],
        "aoi": {"id": ids.encode(aoi), "labelStatus": "NOT_DOWNLOADED"},
    }
    document = """query ($id: ID!) { aoi(id: $id) {
        labels(orderBy: OLDEST) { nodes { geom origin osmId osmType tags aoi { id } } }
    } }"""
    nodes = (await ask(document, id=ids.encode(aoi)))["aoi"]["labels"]["nodes"]
    assert nodes[0] == {
        "geom": to_geojson(HOUSE.reverse()) | {"coordinates": nodes[0]["geom"]["coordinates"]},
        "origin": "UPLOAD",
        "osmId": None,
        "osmType": None,
        "tags": {"building": "yes", "height": 3.5},
        "aoi": {"id": ids.encode(aoi)},
    }
    assert [node["tags"] for node in nodes[1:]] == [None, None]
    assert [node["geom"]["type"] for node in nodes] == ["Polygon", "Polygon", "MultiPolygon"]
    assert len(nodes[1]["geom"]["coordinates"]) == 2


async def test_labels_outside_the_area_are_left_out_and_counted(change, owner, aoi, labels):
    half_in = box(12.0009, 46.0, 12.002, 46.0005)
    next_door = box(12.001, 46.0, 12.002, 46.001)
    far_off = box(13, 47, 13.001, 47.001)
    given = collection(feature(), feature(half_in), feature(next_door), feature(far_off))
    answer = await change("uploadLabels", FIELDS, viewer=owner, aoiId=ids.encode(aoi), geojson=given)
    assert (answer["added"], answer["outside"]) == (2, 2)
    assert [label.geom.bounds for label in await labels()] == [HOUSE.bounds, half_in.bounds]


async def test_a_label_that_crosses_itself_covers_what_it_encloses(change, owner, aoi, labels):
    bow = [[12, 46], [12.0004, 46.0004], [12.0004, 46], [12, 46.0004], [12, 46]]
    given = collection(feature() | {"geometry": {"type": "Polygon", "coordinates": [bow]}})
    await change("uploadLabels", FIELDS, viewer=owner, aoiId=ids.encode(aoi), geojson=given)
    [label] = await labels()
    assert label.geom.is_valid
    assert label.geom.geom_type == "MultiPolygon"
    assert label.geom.area == pytest.approx(2 * 0.5 * 0.0004 * 0.0002)


async def test_a_scribble_is_refused_before_it_takes_all_memory(refuse, owner, aoi):
    scribble = [[12 + (7919 * n % 1000) * 1e-6, 46 + (104729 * n % 997) * 1e-6] for n in range(5000)]
    given = collection(feature() | {"geometry": {"type": "Polygon", "coordinates": [[*scribble, scribble[0]]]}})
    refused = await refuse("uploadLabels", viewer=owner, aoiId=ids.encode(aoi), geojson=given)
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "geojson.features.0")


async def test_only_so_many_labels_are_repaired_at_once(refuse, owner, aoi, monkeypatch):
    monkeypatch.setattr(settings, "repairs_per_upload_max", 1)
    bow = [[12, 46], [12.0004, 46.0004], [12.0004, 46], [12, 46.0004], [12, 46]]
    crossing = feature() | {"geometry": {"type": "Polygon", "coordinates": [bow]}}
    refused = await refuse(
        "uploadLabels", viewer=owner, aoiId=ids.encode(aoi), geojson=collection(crossing, crossing), strict=True
    )
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "geojson.features.1")


async def test_another_upload_adds_or_replaces_uploads_alone(change, database, owner, aoi, labels):
    drawn = await factories.label(database, aoi, origin=LabelOrigin.DRAWN)
    fetched = await factories.label(database, aoi, origin=LabelOrigin.OSM, osm_id=5, osm_type="way")
    elsewhere = await factories.label(
        database, await factories.aoi(database, await factories.dataset(database, owner.id))
    )
    upload = {"viewer": owner, "aoiId": ids.encode(aoi)}
    await change("uploadLabels", **upload, geojson=collection(*row(2)))
    await change("uploadLabels", **upload, geojson=collection(feature()))
    assert len(await labels()) == 6
    await change("uploadLabels", **upload, geojson=collection(feature(level=1)), replace=True)
    kept = await labels()
    assert [label.id for label in kept[:3]] == [drawn.id, fetched.id, elsewhere.id]
    assert [label.tags for label in kept[3:]] == [{"level": 1}]


NOT_A_COLLECTION = {
    "a text": "FeatureCollection",
    "a list": [feature()],
    "a feature": feature(),
    "a geometry": to_geojson(HOUSE),
    "another type": collection(feature()) | {"type": "Features"},
    "no features": {"type": "FeatureCollection"},
    "features that are no list": {"type": "FeatureCollection", "features": {"0": feature()}},
    "an empty list": collection(),
}


async def test_what_is_no_collection_is_refused_in_words(refuse, owner, aoi):
    upload = {"viewer": owner, "aoiId": ids.encode(aoi)}
    for why, geojson in NOT_A_COLLECTION.items():
        refused = await refuse("uploadLabels", **upload, geojson=geojson)
        assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "geojson"), why
    assert (await refuse("uploadLabels", **upload, geojson=None))["code"] == "BAD_REQUEST"


WRONG_FEATURES = {
    "null": None,
    "a text": "Feature",
    "a bare geometry": to_geojson(HOUSE),
    "no geometry": {"type": "Feature", "properties": {}},
    "a null geometry": {"type": "Feature", "properties": {}, "geometry": None},
    "a point": feature(Point(12.0005, 46.0005)),
    "a line": feature(HOUSE.exterior),
    "an empty polygon": feature(box(0, 0, 1, 1) - box(0, 0, 1, 1)),
    "a polygon without ground": feature()
    | {"geometry": {"type": "Polygon", "coordinates": [[[12, 46], [13, 47], [12, 46], [12, 46]]]}},
    "null for a number": feature()
    | {"geometry": {"type": "Polygon", "coordinates": [[[12, 46], [None, 46], [12.01, 46.01], [12, 46]]]}},
    "10 001 vertices": feature() | {"geometry": circle(10_001)},
    "out of range": feature(box(500_000, 5_000_000, 500_010, 5_000_010)),
    "properties that are a list": feature() | {"properties": ["building"]},
    "properties that are a text": feature() | {"properties": "building"},
}


async def test_one_wrong_feature_is_named_and_if_strict_nothing_is_added_or_replaced(refuse, database, owner, aoi):
    await factories.label(database, aoi)
    for why, wrong in WRONG_FEATURES.items():
        given = collection(*row(2), wrong, feature())
        asked = {"viewer": owner, "aoiId": ids.encode(aoi), "geojson": given}
        refused = await refuse("uploadLabels", **asked, replace=True, strict=True)
        assert refused["code"] == "INVALID_INPUT", why
        assert refused["field"].startswith("geojson.features.2"), why


async def test_wrong_features_are_counted_and_the_others_are_added(change, owner, aoi, labels):
    given = collection(*row(2), *WRONG_FEATURES.values(), feature(), feature(building="no"))
    answer = await change("uploadLabels", FIELDS, viewer=owner, aoiId=ids.encode(aoi), geojson=given)
    assert answer["added"] == len(await labels()) == 2
    left_out = {each["reason"]: (each["count"], each["examples"][0]) for each in answer["skipped"]}
    assert sum(count for count, _ in left_out.values()) == len(WRONG_FEATURES) + 2
    assert left_out["NOT_A_POLYGON"] == (2, "features.7")
    assert left_out["DUPLICATE"] == (1, "features.16")
    assert left_out["ABSENT"] == (1, "features.17")


async def test_an_element_that_is_there_already_is_not_added_again(change, refuse, database, owner, aoi, labels):
    await factories.label(database, aoi, origin=LabelOrigin.OSM, osm_id=5, osm_type="way")
    given = collection(feature() | {"id": "way/5"}, *row(3, building="yes")[1:])
    upload = {"viewer": owner, "aoiId": ids.encode(aoi), "geojson": given}
    assert (await refuse("uploadLabels", **upload, strict=True))["code"] == "INVALID_INPUT"
    answer = await change("uploadLabels", FIELDS, **upload)
    assert answer["added"] == 2
    assert answer["skipped"] == [{"reason": "DUPLICATE", "count": 1, "examples": ["way/5"]}]
    again = await asyncio.gather(*(change("uploadLabels", FIELDS, **upload) for _ in range(3)))
    assert [each["added"] for each in again] == [2] * 3
    assert [label.osm_id for label in await labels()].count(5) == 1


@pytest.mark.parametrize("tag", ["1e400", '"a\\u0000b"'])
async def test_tags_that_cannot_be_kept_are_refused(ask, unchanged, owner, aoi, tag):
    document = f"""mutation ($id: ID!) {{ uploadLabels(input: {{aoiId: $id, geojson: {{
        type: "FeatureCollection", features: [{{
            type: "Feature", properties: {{height: {tag}}}, geometry: {{
                type: "Polygon", coordinates: [[[12, 46], [12.0005, 46], [12.0005, 46.0005], [12, 46]]]}}
        }}]
    }}}}) {{ ... on InvalidInput {{ field }} }} }}"""
    async with unchanged():
        answer = await ask(document, viewer=owner, id=ids.encode(aoi))
    assert answer.codes == ["BAD_REQUEST"] or answer["uploadLabels"] == {"field": "geojson.features.0.properties"}


async def test_numbers_of_any_length_come_back(ask, owner, aoi):
    document = """mutation ($id: ID!) { uploadLabels(input: {aoiId: $id, geojson: {
        type: "FeatureCollection", features: [{
            type: "Feature", properties: {height: 123456789012345678901234567890}, geometry: {
                type: "Polygon", coordinates: [[[12, 46], [12.0005, 46], [12.0005, 46.0005], [12, 46]]]}
        }]
    }}) { ... on LabelUpload { aoi { labels { nodes { tags } } } } } }"""
    answer = await ask(document, viewer=owner, id=ids.encode(aoi))
    assert not answer.errors, answer.errors
    [label] = answer["uploadLabels"]["aoi"]["labels"]["nodes"]
    assert float(label["tags"]["height"]) == 123456789012345678901234567890.0


async def test_an_upload_has_no_more_features_than_it_may(change, refuse, owner, aoi, monkeypatch):
    monkeypatch.setattr(settings, "labels_per_upload_max", 3)
    upload = {"viewer": owner, "aoiId": ids.encode(aoi)}
    refused = await refuse("uploadLabels", **upload, geojson=collection(*row(4)))
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "geojson")
    assert (await change("uploadLabels", "added", **upload, geojson=collection(*row(3))))["added"] == 3


async def test_a_dataset_has_no_more_labels_than_it_may_even_when_uploaded_at_once(
    change, owner, aoi, monkeypatch, labels
):
    monkeypatch.setattr(settings, "labels_per_dataset_max", 5)
    upload = {"viewer": owner, "aoiId": ids.encode(aoi), "geojson": collection(*row(2))}
    answers = await asyncio.gather(*(change("uploadLabels", **upload) for _ in range(6)))
    assert sorted(answer["__typename"] for answer in answers) == ["LabelUpload"] * 2 + ["LimitReached"] * 4
    assert len(await labels()) == 4
    replaced = await change("uploadLabels", "added", **upload, replace=True)
    assert replaced["added"] == 2


async def test_as_many_features_as_allowed_are_taken_in_one_request(change, database, owner, aoi):
    given = collection(*row(settings.labels_per_upload_max, building="yes"))
    answer = await change("uploadLabels", FIELDS, viewer=owner, aoiId=ids.encode(aoi), geojson=given)
    assert answer["added"] == settings.labels_per_upload_max
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Label)) == settings.labels_per_upload_max


async def test_a_file_of_a_hundred_megabytes_is_refused_and_changes_nothing(unchanged, owner, aoi):
    async def body():
        yield b'{"query": "mutation ($input: UploadLabelsInput!) { uploadLabels(input: $input) { __typename } }", '
        yield b'"variables": {"input": {"aoiId": "%s", "geojson": "' % ids.encode(aoi).encode()
        for _ in range(100):
            yield b"x" * MIB
        yield b'"}}}'

    headers = {"Authorization": f"Bearer {owner.token}", "Content-Type": "application/json"}
    with serving(build().app) as server:
        async with unchanged(), httpx.AsyncClient(trust_env=False, timeout=60) as http:
            reply = await http.post(f"{server.url}/graphql", content=body(), headers=headers)
            assert reply.status_code == 413
            assert reply.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
            declared = await http.post(f"{server.url}/graphql", content=b"x" * 100 * MIB, headers=headers)
            assert declared.status_code == 413


async def test_asking_openstreetmap_queues_a_job_and_says_so_at_once(ask, change, database, owner, aoi):
    asked = await change("fetchOsmLabels", "labelStatus labelError", viewer=owner, aoiId=ids.encode(aoi))
    assert (asked["labelStatus"], asked["labelError"]) == ("RUNNING", None)
    found = await ask("query ($id: ID!) { aoi(id: $id) { labelStatus } }", id=ids.encode(aoi))
    assert found == {"aoi": {"labelStatus": "RUNNING"}}
    async with database.reading() as session:
        [job] = await session.scalars(select(Job))
    assert (job.kind, job.subject_id, job.user_id) == (MappingJob.FETCH_LABELS, aoi.id, owner.id)


async def test_openstreetmap_is_asked_once_at_a_time(change, refuse, database, owner, aoi):
    asked = await asyncio.gather(*(change("fetchOsmLabels", viewer=owner, aoiId=ids.encode(aoi)) for _ in range(10)))
    assert sorted(answer["__typename"] for answer in asked) == ["AOI"] + ["Conflict"] * 9
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Job)) == 1
    assert (await refuse("fetchOsmLabels", viewer=owner, aoiId=ids.encode(aoi)))["code"] == "CONFLICT"
