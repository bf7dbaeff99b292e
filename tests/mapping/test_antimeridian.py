"""Ground on both sides of longitude 180: split as RFC 7946, section 3.1.9, asks, and used like any other."""

import gpxpy
import pytest
from shapely import MultiPolygon, Polygon, box
from shapely.geometry import mapping, shape

from app.formats.features.gpx import gpx
from app.gateways.osm import overpass
from app.geometry import antimeridian, tiles
from app.geometry.shapes import area_m2
from app.models.mapping.trainings import Model, ModelStatus, TrainingStatus
from resolvers import ids
from tests import factories

SIDE = 0.0005
# On Taveuni, which longitude 180 crosses.
BEYOND = box(180 - SIDE, -16.8, 180 + SIDE, -16.799)
SPLIT = MultiPolygon([box(180 - SIDE, -16.8, 180, -16.799), box(-180, -16.8, SIDE - 180, -16.799)])


def around(x):
    return x - 360 if x > 180 else x


def polygon(*points):
    return {"type": "Polygon", "coordinates": [[list(point) for point in (*points, points[0])]]}


CORNERS = list(BEYOND.exterior.coords)[:-1]
WAYS = {
    "beyond 180": polygon(*CORNERS),
    "beyond -180": polygon(*((x - 360, y) for x, y in CORNERS)),
    "on either side": polygon(*((around(x), y) for x, y in CORNERS)),
    "split already": mapping(SPLIT),
    "a feature": {"type": "Feature", "properties": {}, "geometry": polygon(*CORNERS)},
    "a collection of one": {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "properties": None, "geometry": mapping(SPLIT)}],
    },
}


@pytest.mark.parametrize("way", WAYS)
async def test_an_area_is_split_however_it_is_drawn(change, database, owner, way):
    dataset = await factories.dataset(database, owner.id)
    made = await change("createAoi", "geom", viewer=owner, datasetId=ids.encode(dataset), geom=WAYS[way])
    drawn = shape(made["geom"])
    assert drawn.symmetric_difference(SPLIT).area < 1e-12
    assert drawn.geom_type == "MultiPolygon"


async def test_an_area_is_redrawn_across_it(change, database, owner, aoi):
    made = await change("updateAoi", "geom", viewer=owner, id=ids.encode(aoi), geom=WAYS["on either side"])
    assert made["geom"]["type"] == "MultiPolygon"


@pytest.fixture
async def area(database, owner):
    return await factories.aoi(database, await factories.dataset(database, owner.id), geom=SPLIT)


async def test_labels_on_both_sides_are_taken(change, owner, area, labels):
    houses = [
        box(179.9996, -16.7998, 179.9997, -16.7997),
        box(-179.9997, -16.7998, -179.9996, -16.7997),
        box(180.0001, -16.7998, 180.0002, -16.7997),
        box(179.9999, -16.7996, 180.0001, -16.7995),
        box(179.99, -16.7998, 179.991, -16.7997),
    ]
    features = [{"type": "Feature", "properties": {"building": "yes"}, "geometry": mapping(each)} for each in houses]
    given = {"type": "FeatureCollection", "features": features}
    answer = await change("uploadLabels", "added outside", viewer=owner, aoiId=ids.encode(area), geojson=given)
    assert (answer["added"], answer["outside"]) == (4, 1)
    kept = [label.geom for label in await labels()]
    assert [each.geom_type for each in kept] == ["Polygon"] * 3 + ["MultiPolygon"]
    assert all(-180 <= each.bounds[0] <= each.bounds[2] <= 180 for each in kept)
    drawn = await change("createLabel", "geom", viewer=owner, aoiId=ids.encode(area), geom=mapping(houses[3]))
    assert drawn["geom"]["type"] == "MultiPolygon"


async def test_a_prediction_looks_at_tiles_on_both_sides(change, database, owner):
    model = await factories.model(database, await factories.dataset(database, owner.id))
    training = await factories.training(database, model, status=TrainingStatus.FINISHED, accuracy=80.0)
    async with database.writing() as session:
        kept = await session.get_one(Model, model.id)
        kept.published_training_id, kept.status = training.id, ModelStatus.PUBLISHED
    asked = {"modelId": ids.encode(model), "geom": WAYS["on either side"], "zoomLevel": 18}
    made = await change("startPrediction", "geom parts", viewer=owner, **asked)
    assert shape(made["geom"]).symmetric_difference(SPLIT).area < 1e-12
    assert {tile.x for tile in tiles.covering(SPLIT, 18)} == {0, 2**18 - 1}


async def test_its_boundary_is_exported(api, ask, area):
    link = (await ask("query ($id: ID!) { aoi(id: $id) { gpxLink } }", id=ids.encode(area)))["aoi"]["gpxLink"]
    [track] = gpxpy.parse((await api.get(link)).text).tracks
    assert [len(segment.points) for segment in track.segments] == [5, 5]
    assert gpx(SPLIT, name="a").count("<trkseg>") == 2


def test_a_centre_lies_where_the_ground_is():
    assert abs(antimeridian.centroid(SPLIT).x) == pytest.approx(180)
    east = MultiPolygon([box(179.9999, 0, 180, 1), box(-180, 0, -179.9, 1)])
    assert -180 < antimeridian.centroid(east).x < -179.9
    assert antimeridian.centroid(box(1, 2, 3, 4)).coords[0] == (2, 3)


def test_overpass_is_asked_about_each_part():
    question = overpass.question(SPLIT, {"building": []})
    assert question.count("poly:") == 2


ELSEWHERE = [
    box(12, 46, 12.1, 46.1),
    box(-180, -85, 180, 85),
    box(-179, 0, 179, 0.1),
    box(-170, -60, 170, 60),
    box(179, 0, 180, 1),
    box(-180, 0, -179, 1),
    Polygon(),
]


@pytest.mark.parametrize("ground", ELSEWHERE)
def test_other_ground_stays_as_it_is(ground):
    assert antimeridian.split(ground) == ground


@pytest.mark.parametrize("turn", [0, -360])
def test_the_parts_are_the_whole(turn):
    ring = box(179.5, 10, 180.5, 11) - box(179.9, 10.4, 180.1, 10.6)
    shifted = Polygon(
        [(x + turn, y) for x, y in ring.exterior.coords], [[(x + turn, y) for x, y in ring.interiors[0].coords]]
    )
    parts = antimeridian.split(shifted)
    assert parts.geom_type == "MultiPolygon"
    assert parts.area == pytest.approx(ring.area)
    assert antimeridian.joined(parts).symmetric_difference(ring).area < 1e-9
    assert area_m2(parts) == pytest.approx(area_m2(ring), rel=1e-4)
