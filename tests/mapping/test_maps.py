"""Lists narrowed to a place, points on the map of everything, figures, and pictures of the ground."""

from io import BytesIO

import pytest
from PIL import Image
from shapely import Point, Polygon, box

from app.gateways.fakes import village
from app.geometry.shapes import to_geojson
from app.models.mapping.datasets import DatasetStatus
from app.models.mapping.trainings import ModelStatus, TrainingStatus
from app.settings import settings
from resolvers import ids
from tests import factories

HERE, THERE = box(12.0, 46.0, 12.001, 46.001), box(30.0, -10.0, 30.001, -9.999)
# Overlaps HERE with its bounding box, but shares no point with it.
CORNER = Polygon([(11.9, 45.9), (12.0005, 45.9), (11.9, 46.0005)])
AROUND = [11.99, 45.99, 12.01, 46.01]


@pytest.fixture
async def world(database, owner):
    """The same things here and there."""
    rows = {}
    for name, area in (("here", HERE), ("there", THERE)):
        dataset = await factories.dataset(database, owner.id, name=f"Set {name}", status=DatasetStatus.ACTIVE)
        aoi = await factories.aoi(database, dataset, geom=area)
        model = await factories.model(database, dataset, name=f"Model {name}", status=ModelStatus.PUBLISHED)
        training = await factories.training(database, model, centroid=area.centroid, status=TrainingStatus.FINISHED)
        prediction = await factories.prediction(database, training, geom=area, published=True)
        feedback_aoi = await factories.feedback_aoi(database, training, geom=area)
        rows[name] = {
            "datasets": dataset,
            "aois": aoi,
            "labels": await factories.label(database, aoi, geom=area),
            "models": model,
            "trainings": training,
            "predictions": prediction,
            "predictedFeatures": await factories.feature(database, prediction, geom=area),
            "feedbacks": await factories.feedback(database, training, geom=area.centroid),
            "feedbackAois": feedback_aoi,
            "feedbackLabels": await factories.feedback_label(database, feedback_aoi, geom=area),
            "approvedPredictions": await factories.approved_prediction(database, training, geom=area),
        }
        async with database.writing() as session:
            (await session.get_one(type(model), model.id)).published_training_id = training.id
    return rows


LISTS = [
    "datasets", "aois", "labels", "models", "trainings", "predictions", "predictedFeatures",
    "feedbacks", "feedbackAois", "feedbackLabels", "approvedPredictions",
]  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
async def test_every_list_of_places_is_narrowed_to_a_place(ask, world, name):
    async def found(bbox=None, intersects=None):
        row = world["here"]["predictions"]
        more = f'predictionId: "{ids.encode(row)}", ' if name == "predictedFeatures" else ""
        document = f"""query ($bbox: [Float!], $intersects: GeoJSONGeometry) {{
            {name}({more}bbox: $bbox, intersects: $intersects) {{ nodes {{ id }} }} }}"""
        answer = await ask(document, bbox=bbox, intersects=intersects and to_geojson(intersects))
        assert not answer.errors, answer.errors
        return {node["id"] for node in answer[name]["nodes"]}

    here, there = (ids.encode(world[place][name]) for place in ("here", "there"))
    assert await found() >= {here}
    assert await found(bbox=AROUND) == {here}
    assert await found(bbox=[*THERE.bounds]) == {there} - ({there} if name == "predictedFeatures" else set())
    assert await found(bbox=[0, 0, 1, 1]) == set()
    assert await found(intersects=HERE) == {here}
    assert await found(intersects=CORNER) == set()
    assert await found(bbox=AROUND, intersects=THERE) == set()
    if name not in {"trainings", "feedbacks"}:
        assert await found(intersects=Point(12.0005, 46.0005)) == {here}
        assert await found(bbox=[*CORNER.bounds]) == {here}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"bbox": [1, 2, 3]}, "bbox"),
        ({"bbox": [3, 2, 1, 4]}, "bbox"),
        ({"bbox": [0, 0, 200, 1]}, "bbox"),
        ({"intersects": to_geojson(Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]))}, "intersects"),
        ({"intersects": to_geojson(Point(0, 89))}, "intersects"),
    ],
)
async def test_no_place_is_refused_in_words(ask, given, field):
    document = """query ($bbox: [Float!], $intersects: GeoJSONGeometry) {
        labels(bbox: $bbox, intersects: $intersects) { totalCount } }"""
    answer = await ask(document, **given)
    assert answer.codes == ["INVALID_INPUT"]
    assert answer.errors[0]["extensions"]["field"] == field


async def test_labels_are_narrowed_by_what_they_belong_to(ask, world):
    document = """query ($dataset: ID, $aoi: ID, $origin: LabelOrigin) {
        labels(datasetId: $dataset, aoiId: $aoi, origin: $origin) { nodes { id } } }"""
    here = ids.encode(world["here"]["labels"])
    for given, count in (
        ({"dataset": ids.encode(world["here"]["datasets"])}, 1),
        ({"aoi": ids.encode(world["here"]["aois"])}, 1),
        ({"origin": "UPLOAD"}, 2),
        ({"origin": "OSM"}, 0),
    ):
        nodes = (await ask(document, **given))["labels"]["nodes"]
        assert len(nodes) == count
        assert count != 1 or nodes == [{"id": here}]


async def test_published_models_and_active_datasets_are_points(ask, database, owner, world):
    draft = await factories.dataset(database, owner.id)
    await factories.aoi(database, draft)
    await factories.dataset(database, owner.id, status=DatasetStatus.ACTIVE, name="Without areas")
    await factories.model(database, draft)
    for field, kind in (("modelCentroids", "models"), ("datasetCentroids", "datasets")):

        async def points(arguments="", field=field):
            found = (await ask(f"{{ {field}{arguments} }}"))[field]
            assert found["type"] == "FeatureCollection"
            return found["features"]

        here, there = world["here"][kind], world["there"][kind]
        assert [feature["id"] for feature in await points()] == [ids.encode(there), ids.encode(here)]
        [feature] = await points(f"(bbox: {AROUND})")
        assert feature["properties"] == {"id": ids.encode(here), "name": here.name}
        assert feature["geometry"]["type"] == "Point"
        assert feature["geometry"]["coordinates"] == pytest.approx([12.0005, 46.0005])
        assert [each["id"] for each in await points('(search: "THERE")')] == [ids.encode(there)]
        assert await points('(search: "Without")') == []


async def test_the_map_has_no_more_points_than_it_may(ask, world, monkeypatch):
    monkeypatch.setattr(settings, "map_points_max", 1)
    found = await ask("{ modelCentroids datasetCentroids }")
    assert [len(found[field]["features"]) for field in ("modelCentroids", "datasetCentroids")] == [1, 1]


async def test_statistics_are_counted_and_then_known_for_a_while(ask, database, owner, world, monkeypatch):
    document = """{ statistics { modelsPublished datasetsActive usersRegistered labels trainingsFinished
        predictionsAccepted feedbackLabels } }"""
    expected = {
        "modelsPublished": 2,
        "datasetsActive": 2,
        "usersRegistered": 1,
        "labels": 2,
        "trainingsFinished": 2,
        "predictionsAccepted": 2,
        "feedbackLabels": 2,
    }
    assert (await ask(document))["statistics"] == expected
    await factories.label(database, world["here"]["aois"])
    assert (await ask(document))["statistics"] == expected
    monkeypatch.setattr(settings, "statistics_cache_s", 0)
    assert (await ask(document))["statistics"] == expected | {"labels": 3}


@pytest.fixture
async def pictured(database, owner, outside, tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "home", tmp_path)
    dataset = await factories.dataset(database, owner.id)
    model = await factories.model(database, dataset)
    imagery = f"{outside.url}/tiles/{{z}}/{{x}}/{{y}}.png"
    training = await factories.training(database, model, source_imagery=imagery)
    return dataset, model, training


async def publish(database, model, training):
    async with database.writing() as session:
        (await session.get_one(type(model), model.id)).published_training_id = training.id


THUMBNAIL = "query ($id: ID!) { model(id: $id) { thumbnail } }"


async def test_a_published_model_has_a_picture_fetched_once(api, ask, database, outside, pictured):
    dataset, model, training = pictured
    assert (await ask(THUMBNAIL, id=ids.encode(model)))["model"] == {"thumbnail": None}
    assert (await api.get(f"/thumbnails/{training.id}.png")).status_code == 404
    await publish(database, model, training)
    address = (await ask(THUMBNAIL, id=ids.encode(model)))["model"]["thumbnail"]
    assert (await api.get(address)).status_code == 404
    await factories.aoi(database, dataset, geom=village.TRAINING_AREAS[0])
    outside.asked.clear()
    for _ in range(2):
        answer = await api.get(address)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
        assert answer.headers["cache-control"] == f"public, max-age={settings.thumbnail_cache_s}"
        assert Image.open(BytesIO(answer.content)).size == (256, 256)
    assert sum(outside.asked.values()) == 1


async def test_a_picture_that_cannot_be_had_is_not_asked_for_again_at_once(api, database, outside, broken, pictured):
    dataset, model, training = pictured
    await factories.aoi(database, dataset, geom=village.TRAINING_AREAS[0])
    async with database.writing() as session:
        changed = await session.get_one(type(training), training.id)
        changed.source_imagery = f"{broken}/404/{{z}}/{{x}}/{{y}}.png"
    await publish(database, model, training)
    outside.asked.clear()
    for _ in range(3):
        answer = await api.get(f"/thumbnails/{training.id}.png")
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (502, "UNAVAILABLE")
    assert sum(outside.asked.values()) == 1
