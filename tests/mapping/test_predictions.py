"""Publishing a training, and predicting with what was published."""

import pytest
from sqlalchemy import select, update

from app.geometry.shapes import to_geojson
from app.models.kinds.mapping import MappingJob
from app.models.mapping.trainings import BaseModel, Model, ModelStatus, Training, TrainingStatus
from app.models.system import Job
from app.settings import settings
from resolvers import ids
from tests import factories
from tests.factories import SQUARE
from tests.mapping.shapes import NOT_A_POLYGON, SLIVERS, UNFIT, square

TEMPLATE = "https://tiles.example.org/{z}/{x}/{y}.png"
FIELDS = """status geom description config taskId resultCount published publishedAt startedAt finishedAt failure
    user { username } training { id } job { kind state }"""


@pytest.fixture
async def model(database, owner):
    return await factories.model(database, await factories.dataset(database, owner.id))


@pytest.fixture
async def training(database, model):
    """One good enough to be published."""
    return await factories.training(database, model, status=TrainingStatus.FINISHED, accuracy=40.0)


@pytest.fixture
async def published(database, model, training):
    async with database.writing() as session:
        kept = await session.get_one(Model, model.id)
        kept.published_training_id, kept.status = training.id, ModelStatus.PUBLISHED
    return training


async def test_a_good_training_is_published_and_shown_with_its_model(ask, change, owner, model, training):
    made = await change(
        "publishTraining", "status publishedTraining { id accuracy }", viewer=owner, trainingId=ids.encode(training)
    )
    assert made == {
        "__typename": "Model",
        "id": ids.encode(model),
        "status": "PUBLISHED",
        "publishedTraining": {"id": ids.encode(training), "accuracy": 40.0},
    }
    assert (await ask("{ models(status: PUBLISHED) { nodes { id } } }")) == {"models": {"nodes": [{"id": made["id"]}]}}


async def test_a_better_training_takes_the_place_of_the_published(change, database, owner, model, published):
    better = await factories.training(database, model, status=TrainingStatus.FINISHED, accuracy=80.0)
    made = await change(
        "publishTraining", "publishedTraining { accuracy }", viewer=owner, trainingId=ids.encode(better)
    )
    assert made["publishedTraining"] == {"accuracy": 80.0}


async def test_a_model_has_the_accuracy_of_its_published_training(ask, database, model, published):
    await factories.training(database, model, status=TrainingStatus.FINISHED, accuracy=99.0)
    bare = await factories.model(database, await factories.dataset(database, model.user_id))
    answer = await ask("{ models(orderBy: OLDEST) { nodes { accuracy } } }")
    assert [each["accuracy"] for each in answer["models"]["nodes"]] == [40.0, None]
    answer = await ask("query ($id: ID!) { model(id: $id) { accuracy } }", id=ids.encode(bare))
    assert answer == {"model": {"accuracy": None}}


# Who asks does not matter until everything about the training itself is in order.
REFUSED_FIRST = [
    (TrainingStatus.SUBMITTED, None, "CONFLICT"),
    (TrainingStatus.RUNNING, None, "CONFLICT"),
    (TrainingStatus.FAILED, 90.0, "CONFLICT"),
    (TrainingStatus.FINISHED, None, "ACCURACY_TOO_LOW"),
    (TrainingStatus.FINISHED, 0.0, "ACCURACY_TOO_LOW"),
    (TrainingStatus.FINISHED, 39.999, "ACCURACY_TOO_LOW"),
]


@pytest.mark.parametrize(("status", "accuracy", "code"), REFUSED_FIRST)
async def test_a_training_is_refused_for_itself_before_its_owner_is_asked_for(
    refuse, database, owner, other, staff, model, status, accuracy, code
):
    training = await factories.training(database, model, status=status, accuracy=accuracy)
    for viewer in (owner, other, staff):
        refused = await refuse("publishTraining", viewer=viewer, trainingId=ids.encode(training))
        assert refused["code"] == code
        if code == "ACCURACY_TOO_LOW":
            assert (refused["accuracy"], refused["required"]) == (accuracy, 40.0)


@pytest.mark.parametrize("base_model", [BaseModel.YOLO_V8_V1, BaseModel.YOLO_V8_V2])
async def test_every_base_model_is_held_to_the_same_accuracy(change, refuse, database, owner, base_model):
    model = await factories.model(database, await factories.dataset(database, owner.id), base_model=base_model)
    weak, good = [
        ids.encode(await factories.training(database, model, status=TrainingStatus.FINISHED, accuracy=accuracy))
        for accuracy in (39.0, 41.0)
    ]
    assert (await refuse("publishTraining", viewer=owner, trainingId=weak))["code"] == "ACCURACY_TOO_LOW"
    assert (await change("publishTraining", viewer=owner, trainingId=good))["__typename"] == "Model"


async def test_not_even_staff_publish_anothers_training(refuse, other, staff, training):
    for viewer in (other, staff):
        refused = await refuse("publishTraining", viewer=viewer, trainingId=ids.encode(training))
        assert refused["code"] == "FORBIDDEN"


async def test_whoever_started_it_the_models_owner_publishes(change, refuse, database, owner, staff, model):
    training = await factories.training(
        database, model, user_id=staff.id, status=TrainingStatus.FINISHED, accuracy=50.0
    )
    assert (await refuse("publishTraining", viewer=staff, trainingId=ids.encode(training)))["code"] == "FORBIDDEN"
    assert (await change("publishTraining", viewer=owner, trainingId=ids.encode(training)))["__typename"] == "Model"


@pytest.fixture
def asked(model):
    return {"modelId": ids.encode(model), "geom": to_geojson(SQUARE), "zoomLevel": 19}


async def test_a_prediction_is_queued_with_its_job(ask, change, database, other, published, asked):
    """By anybody with an account."""
    made = await change("startPrediction", FIELDS, viewer=other, **asked, confidence=60, description=" Try ")
    async with database.reading() as session:
        [job] = await session.scalars(select(Job))
    assert made == {
        "__typename": "Prediction",
        "id": made["id"],
        "status": "SUBMITTED",
        "geom": to_geojson(SQUARE) | {"coordinates": made["geom"]["coordinates"]},
        "description": "Try",
        "config": {
            "checkpoint": "checkpoint.safetensors",
            "zoom_level": 19,
            "source": TEMPLATE,
            "confidence": 60,
            "tolerance": 0.5,
            "area_threshold": 3.0,
            "orthogonalize": True,
            "max_angle_change": 15,
            "skew_tolerance": 15,
            "overlap": 0.15,
            "points": False,
            "conflate": False,
        },
        "taskId": str(job.id),
        "resultCount": None,
        "published": False,
        "publishedAt": None,
        "startedAt": None,
        "finishedAt": None,
        "failure": None,
        "user": {"username": "other"},
        "training": {"id": ids.encode(published)},
        "job": {"kind": "PREDICT", "state": "QUEUED"},
    }
    assert (job.kind, job.user_id) == (MappingJob.PREDICT, other.id)
    found = await ask(
        f"query ($id: ID!) {{ prediction(id: $id) {{ __typename id {FIELDS} }} }}", viewer=other, id=made["id"]
    )
    assert found == {"prediction": made}


@pytest.mark.parametrize(
    ("suggested", "given", "expected"),
    [(35, {}, 35), (None, {}, 50), (35, {"confidence": 0}, 0), (35, {"confidence": None}, 35)],
)
async def test_a_prediction_uses_the_suggested_confidence_unless_another_is_given(
    change, database, owner, published, asked, suggested, given, expected
):
    async with database.writing() as session:
        await session.execute(
            update(Training).where(Training.id == published.id).values(suggested_confidence=suggested)
        )
    made = await change("startPrediction", "config training { suggestedConfidence }", viewer=owner, **asked, **given)
    assert made["config"]["confidence"] == expected
    assert made["training"] == {"suggestedConfidence": suggested}


async def test_a_model_that_is_not_published_predicts_nothing(refuse, owner, training, asked):
    refused = await refuse("startPrediction", viewer=owner, **asked)
    assert (refused["__typename"], refused["code"]) == ("Conflict", "CONFLICT")


WRONG = [
    ("zoomLevel", 17),
    ("zoomLevel", 23),
    ("confidence", -1),
    ("confidence", 101),
    ("tolerance", -0.1),
    ("tolerance", 10.1),
    ("areaThreshold", -1),
    ("areaThreshold", 20.1),
    ("maxAngleChange", -1),
    ("maxAngleChange", 46),
    ("skewTolerance", -1),
    ("skewTolerance", 46),
    ("overlap", -0.01),
    ("overlap", 1.01),
    ("sourceImagery", "https://tiles.example.org/{z}"),
    ("sourceImagery", "http://127.0.0.1/{z}/{x}/{y}.png"),
    ("description", "x" * 501),
]


async def test_a_prediction_with_a_wrong_value_is_not_started(refuse, owner, published, asked):
    for field, value in WRONG:
        refused = await refuse("startPrediction", viewer=owner, **(asked | {field: value}))
        assert (refused["code"], refused["field"]) == ("INVALID_INPUT", field), value


EDGES = [
    {
        "zoomLevel": 18,
        "confidence": 0,
        "tolerance": 0,
        "areaThreshold": 0,
        "maxAngleChange": 0,
        "skewTolerance": 0,
        "overlap": 0,
    },
    {
        "zoomLevel": 22,
        "confidence": 100,
        "tolerance": 10,
        "areaThreshold": 20,
        "maxAngleChange": 45,
        "skewTolerance": 45,
        "overlap": 1,
        "points": True,
        "conflate": True,
    },
]


@pytest.mark.parametrize("edge", EDGES, ids=str)
async def test_a_prediction_takes_every_value_up_to_its_bounds(change, owner, published, asked, edge):
    assert (await change("startPrediction", viewer=owner, **(asked | edge)))["__typename"] == "Prediction"


SHAPES = {
    **UNFIT,
    **NOT_A_POLYGON,
    "more than 100 km²": square(0.15),
    "several of which one crosses itself": {
        "type": "MultiPolygon",
        "coordinates": [square(0.001)["coordinates"], UNFIT["crossing itself"]["coordinates"]],
    },
}
for fit in ("tiny", "huge", "several polygons"):
    del SHAPES[fit]


async def test_a_prediction_over_an_unfit_area_is_not_started(refuse, owner, published, asked):
    for name, geom in SHAPES.items():
        refused = await refuse("startPrediction", viewer=owner, **(asked | {"geom": geom}))
        assert refused["code"] in {"INVALID_INPUT", "BAD_REQUEST"}, name


@pytest.mark.parametrize("sliver", [*SLIVERS.values()], ids=SLIVERS)
async def test_a_prediction_over_too_many_tiles_is_refused_soon(refuse, owner, published, asked, sliver):
    refused = await refuse("startPrediction", viewer=owner, **(asked | {"geom": to_geojson(sliver), "zoomLevel": 22}))
    tiles = settings.prediction_parts_max * settings.prediction_part_tiles_max
    assert (refused["__typename"], refused["limit"]) == ("LimitReached", tiles)


async def test_a_lower_zoom_takes_fewer_tiles(change, refuse, owner, published, asked):
    wide = asked | {"geom": square(0.05)}
    assert (await refuse("startPrediction", viewer=owner, **(wide | {"zoomLevel": 22})))["code"] == "LIMIT_REACHED"
    assert (await change("startPrediction", viewer=owner, **wide))["__typename"] == "Prediction"
