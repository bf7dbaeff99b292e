"""Labels drawn by hand, corrected, and fetched again beside them."""

import pytest
from shapely import Polygon, box
from shapely.geometry import shape

from app.gateways.osm import OsmFeature
from app.geometry.shapes import to_geojson
from app.models.mapping.datasets import LabelOrigin
from app.services.mapping.labels import footprints, uploads
from app.settings import settings
from resolvers import ids
from tests import factories
from tests.mapping.shapes import square

HOUSE = box(12.0002, 46.0002, 12.0003, 46.0003)
FIELDS = "geom origin osmId osmType tags user { username } aoi { id }"


async def test_a_label_is_drawn_and_says_by_whom(ask, change, owner, aoi):
    drawn = await change(
        "createLabel", FIELDS, viewer=owner, aoiId=ids.encode(aoi), geom=to_geojson(HOUSE), tags={"building": "yes"}
    )
    assert shape(drawn["geom"]).equals(HOUSE)
    assert (drawn["origin"], drawn["tags"]) == ("DRAWN", {"building": "yes"})
    assert (drawn["user"], drawn["aoi"]) == ({"username": "owner"}, {"id": ids.encode(aoi)})
    found = await ask(f"query ($id: ID!) {{ label(id: $id) {{ __typename id {FIELDS} }} }}", id=drawn["id"])
    assert found == {"label": drawn}


async def test_the_same_outline_is_drawn_once_wherever_its_ring_begins(change, owner, aoi, labels):
    corners = list(HOUSE.exterior.coords)[:-1]
    rings = [corners, corners[2:] + corners[:2], corners[::-1]]
    made = [
        await change(
            "createLabel",
            FIELDS,
            viewer=owner,
            aoiId=ids.encode(aoi),
            geom=to_geojson(Polygon(ring)),
            tags={"levels": number},
        )
        for number, ring in enumerate(rings)
    ]
    assert len({label["id"] for label in made}) == 1
    assert [label["tags"] for label in made] == [{"levels": 0}, {"levels": 1}, {"levels": 2}]
    assert len(await labels()) == 1


WRONG = {
    "crossing itself": {
        "type": "Polygon",
        "coordinates": [[[12, 46], [12.001, 46.001], [12.001, 46], [12, 46.001], [12, 46]]],
    },
    "a point": {"type": "Point", "coordinates": [12.0002, 46.0002]},
    "outside": square(0.0001, 13.0),
    "beyond the earth": square(0.0001, 200.0),
}


@pytest.mark.parametrize("geom", WRONG.values(), ids=WRONG)
async def test_an_outline_that_is_none_is_refused(refuse, database, owner, aoi, geom):
    refused = await refuse("createLabel", viewer=owner, aoiId=ids.encode(aoi), geom=geom)
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "geom")
    label = await factories.label(database, aoi)
    refused = await refuse("updateLabel", viewer=owner, id=ids.encode(label), geom=geom)
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "geom")


async def test_tags_are_an_object(refuse, owner, aoi):
    refused = await refuse("createLabel", viewer=owner, aoiId=ids.encode(aoi), geom=to_geojson(HOUSE), tags=["yes"])
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "tags")


async def test_tags_take_no_more_bytes_than_they_may(change, refuse, database, owner, aoi, monkeypatch):
    monkeypatch.setattr(settings, "label_tags_bytes_max", 50)
    drawn = {"viewer": owner, "aoiId": ids.encode(aoi), "geom": to_geojson(HOUSE)}
    refused = await refuse("createLabel", **drawn, tags={"note": "x" * 40})
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "tags")
    assert refused["message"] == "Tags may take at most 50 bytes; these take 51."
    label = await change("createLabel", "tags", **drawn, tags={"note": "x" * 39})
    refused = await refuse("updateLabel", viewer=owner, id=label["id"], tags={"note": "x" * 40})
    assert refused["field"] == "tags"
    given = {"type": "Feature", "geometry": to_geojson(HOUSE), "properties": {"note": "x" * 40}}
    collection = {"type": "FeatureCollection", "features": [given]}
    refused = await refuse("uploadLabels", viewer=owner, aoiId=ids.encode(aoi), geojson=collection)
    assert refused["field"] == "geojson.features.0.properties"


async def test_a_dataset_holds_so_many_labels(refuse, database, owner, aoi, monkeypatch):
    monkeypatch.setattr(settings, "labels_per_dataset_max", 1)
    await factories.label(database, aoi)
    refused = await refuse("createLabel", viewer=owner, aoiId=ids.encode(aoi), geom=square(0.0001, 12.0005, 46.0005))
    assert (refused["code"], refused["limit"]) == ("LIMIT_REACHED", 1)


async def test_a_corrected_label_is_left_alone_by_the_next_fetching(change, database, owner, aoi, labels):
    label = await factories.label(database, aoi, origin=LabelOrigin.OSM, osm_id=7, osm_type="way")
    other = await factories.label(database, aoi, origin=LabelOrigin.OSM, osm_id=7, osm_type="relation")
    moved = square(0.0001, 12.0004, 46.0002)
    corrected = await change("updateLabel", FIELDS, viewer=owner, id=ids.encode(label), geom=moved)
    assert (corrected["origin"], corrected["osmId"], corrected["osmType"]) == ("DRAWN", 7, "way")
    fresh = [OsmFeature(7, kind, HOUSE, {}, None, None) for kind in ("way", "relation")]
    async with database.writing() as session:
        await uploads.replace_osm_labels(session, aoi.id, footprints.filter_osm_footprints(aoi.geom, fresh))
    kept, fetched = await labels()
    assert (kept.id, kept.origin, shape(to_geojson(kept.geom))) == (label.id, LabelOrigin.DRAWN, shape(moved))
    assert (fetched.osm_type, fetched.origin) == ("relation", LabelOrigin.OSM)
    assert fetched.id != other.id


async def test_a_change_of_nothing_changes_nothing(change, unchanged, database, owner, aoi):
    label = await factories.label(database, aoi, origin=LabelOrigin.OSM, osm_id=7, osm_type="way")
    async with unchanged():
        assert (await change("updateLabel", "origin", viewer=owner, id=ids.encode(label)))["origin"] == "OSM"


async def test_a_label_is_deleted(ask, change, database, owner, aoi):
    id = ids.encode(await factories.label(database, aoi))
    assert await change("deleteLabel", viewer=owner, id=id) == {"__typename": "Deleted", "id": id}
    assert (await ask("query ($id: ID!) { label(id: $id) { id } }", id=id)).codes == ["NOT_FOUND"]
    assert (await change("deleteLabel", viewer=owner, id=id))["code"] == "NOT_FOUND"
