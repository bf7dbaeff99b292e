"""Vector tiles show what the viewer may see, where it is, and answer everything else in words."""

import mapbox_vector_tile
import pytest
from shapely import box
from shapely.geometry import shape

from app.geometry.tiles import Tile, position
from app.models.mapping.datasets import LabelOrigin
from app.settings import settings
from resolvers import ids
from tests import factories

HERE = Tile(18, *(int(part) for part in position(12.00025, 46.00025, 18)))
PATH = "/tiles/{layer}/{z}/{x}/{y}.mvt"


@pytest.fixture
def tile(api):
    """A tile, decoded: its features by their ids, in the order of the file."""

    async def tile(layer, at=HERE, viewer=None, **chosen):
        headers = {"Authorization": f"Bearer {viewer.token}"} if viewer else {}
        answer = await api.get(PATH.format(layer=layer, z=at.z, x=at.x, y=at.y), params=chosen, headers=headers)
        if answer.status_code != 200:
            return answer
        assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
        decoded = mapbox_vector_tile.decode(answer.content, default_options={"y_coord_down": True})
        assert list(decoded) == [layer]
        return {feature["properties"].pop("id"): feature for feature in decoded[layer]["features"]}

    return tile


@pytest.fixture
async def village(database, owner, other):
    dataset = await factories.dataset(database, owner.id)
    rows = {"dataset": dataset, "elsewhere": await factories.dataset(database, other.id)}
    rows["aoi"] = await factories.aoi(database, dataset)
    rows["neighbour"] = await factories.aoi(database, rows["elsewhere"])
    rows["label"] = await factories.label(database, rows["aoi"], tags={"building": "yes", "levels": 2})
    rows["fetched"] = await factories.label(
        database, rows["neighbour"], origin=LabelOrigin.OSM, osm_id=2**40, osm_type="way"
    )
    rows["far"] = await factories.label(database, rows["aoi"], geom=box(12.9, 46.9, 12.9001, 46.9001))
    rows["training"] = await factories.training(database, await factories.model(database, dataset))
    rows["private"] = await factories.prediction(database, rows["training"])
    rows["shown"] = await factories.prediction(database, rows["training"], published=True, user_id=other.id)
    rows["secret"] = await factories.feature(database, rows["private"], confidence=0.25)
    rows["open"] = await factories.feature(database, rows["shown"])
    return rows


async def test_labels_are_where_they_are_with_their_tags(tile, village):
    found = await tile("labels")
    assert found.keys() == {ids.encode(village["label"]), ids.encode(village["fetched"])}
    label = found[ids.encode(village["label"])]
    assert label["properties"] == {"origin": "UPLOAD", "building": "yes", "levels": 2}
    assert found[ids.encode(village["fetched"])]["properties"] == {
        "origin": "OSM",
        "osm_id": 2**40,
        "osm_type": "way",
    }
    west, south, east, north = village["label"].geom.bounds
    corners = [position(west, north, 18), position(east, south, 18)]
    expected = [(part - start) * 4096 for corner in corners for part, start in zip(corner, HERE[1:], strict=True)]
    left, top, right, bottom = shape(label["geometry"]).bounds
    assert (left, top, right, bottom) == pytest.approx(expected, abs=1)


async def test_areas_are_seen_from_far_away(tile, village):
    found = await tile("aois", HERE.ancestor(13))
    assert found.keys() == {ids.encode(village["aoi"]), ids.encode(village["neighbour"])}
    assert found[ids.encode(village["aoi"])]["properties"] == {"label_status": "NOT_DOWNLOADED"}


async def test_a_private_prediction_is_seen_with_its_makers_token_alone(tile, village, owner, other, staff):
    secret, shown = ids.encode(village["secret"]), ids.encode(village["open"])
    for viewer, seen in ((None, {shown}), (other, {shown}), (owner, {secret, shown}), (staff, {secret, shown})):
        assert (await tile("predictions", viewer=viewer)).keys() == seen
    found = await tile("predictions", viewer=owner, prediction=ids.encode(village["private"]))
    assert found[secret]["properties"] == {"confidence": 0.25, "area_m2": 86.0}
    assert (await tile("predictions", prediction=ids.encode(village["private"]))).status_code == 204


async def test_rows_are_chosen_by_what_they_belong_to(tile, village, owner):
    def of(name):
        return ids.encode(village[name])

    for layer, chosen, seen in (
        ("labels", {"dataset": of("dataset")}, {"label"}),
        ("labels", {"aoi": of("neighbour")}, {"fetched"}),
        ("labels", {"training": of("training")}, {"label"}),
        ("aois", {"dataset": of("elsewhere")}, {"neighbour"}),
        ("aois", {"training": of("training")}, {"aoi"}),
        ("predictions", {"training": of("training")}, {"secret", "open"}),
        ("predictions", {"dataset": of("dataset")}, {"secret", "open"}),
        ("predictions", {"prediction": of("shown"), "training": of("training")}, {"open"}),
    ):
        assert (await tile(layer, viewer=owner, **chosen)).keys() == {of(name) for name in seen}, (layer, chosen)


async def test_a_tile_the_client_has_is_not_sent_again(api, village, owner):
    path = PATH.format(layer="labels", z=HERE.z, x=HERE.x, y=HERE.y)
    first = await api.get(path)
    assert first.headers["cache-control"] == f"public, max-age={settings.tile_cache_s}"
    assert "Authorization" in first.headers["vary"]
    again = await api.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = await api.get(path, headers={"If-None-Match": 'W/"another"', "Authorization": f"Bearer {owner.token}"})
    assert other.status_code == 200
    assert other.headers["cache-control"] == f"private, max-age={settings.tile_cache_s}"


async def test_tiles_are_compressed_on_their_way(api, database, village):
    for number in range(60):
        await factories.label(database, village["aoi"], tags={"name": f"House {number}"})
    answer = await api.get(PATH.format(layer="labels", z=HERE.z, x=HERE.x, y=HERE.y))
    assert answer.headers["content-encoding"] == "gzip"


async def test_where_nothing_is_there_is_no_body(tile, village):
    answer = await tile("labels", Tile(18, 0, 0))
    assert (answer.status_code, answer.content) == (204, b"")


async def test_a_tile_has_no_more_features_than_it_may(api, database, village, monkeypatch):
    path = PATH.format(layer="labels", z=HERE.z, x=HERE.x, y=HERE.y)
    assert "x-tile-cut" not in (await api.get(path)).headers
    monkeypatch.setattr(settings, "tile_features_max", 1)
    cut = await api.get(path)
    assert cut.headers["x-tile-cut"] == "at most 1 features"
    assert len(mapbox_vector_tile.decode(cut.content)["labels"]["features"]) == 1


@pytest.mark.parametrize(
    ("path", "status", "code", "words"),
    [
        ("/tiles/roads/0/0/0.mvt", 404, "NOT_FOUND", "There is no such layer"),
        ("/tiles/labels/23/0/0.mvt", 400, "INVALID_INPUT", "The zoom must be from 0 to 22"),
        ("/tiles/labels/3/8/0.mvt", 400, "INVALID_INPUT", "from 0 to 7; this is 8"),
        ("/tiles/labels/3/0/8.mvt", 400, "INVALID_INPUT", "from 0 to 7; this is 8"),
        ("/tiles/labels/3/0/-1.mvt", 400, "BAD_REQUEST", "three whole numbers"),
        ("/tiles/labels/a/0/0.mvt", 400, "BAD_REQUEST", "three whole numbers"),
        ("/tiles/labels/3/0/99999999999.mvt", 400, "BAD_REQUEST", "three whole numbers"),
        ("/tiles/labels/3/0/0.mvt?colour=red", 400, "BAD_REQUEST", 'Unknown filter "colour"'),
        ("/tiles/labels/3/0/0.mvt?prediction=<prediction>", 400, "INVALID_INPUT", "does not support this filter"),
        ("/tiles/labels/3/0/0.mvt?dataset=<prediction>", 404, "NOT_FOUND", "There is no Dataset"),
        ("/tiles/labels/3/0/0.mvt?dataset=5", 404, "NOT_FOUND", "There is"),
    ],
)
async def test_wrong_questions_are_answered_in_words(api, village, path, status, code, words):
    answer = await api.get(path.replace("<prediction>", ids.encode(village["shown"])))
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["extensions"]["code"]) == (status, code)
    assert words in error["message"]


async def test_a_wrong_token_is_no_strangers(api):
    answer = await api.get("/tiles/labels/3/0/0.mvt", headers={"Authorization": "Bearer nonsense"})
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")


async def test_only_so_many_tiles_are_made_in_a_minute(api, village, owner, monkeypatch):
    monkeypatch.setattr(settings, "tiles_per_minute_max", 2)
    answers = [await api.get("/tiles/labels/18/0/0.mvt") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [204, 204, 429]
    assert int(answers[2].headers["retry-after"]) > 0
    mine = await api.get("/tiles/labels/18/0/0.mvt", headers={"Authorization": f"Bearer {owner.token}"})
    assert mine.status_code == 204
