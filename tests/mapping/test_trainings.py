"""Models and trainings: made, started, refused, cancelled."""

import asyncio

import pytest
from sqlalchemy import func, select, update

from app.models.kinds.mapping import MappingJob
from app.models.mapping.datasets import DownloadStatus
from app.models.mapping.trainings import BaseModel, Training, TrainingStatus
from app.models.system import Job, JobState
from app.settings import settings
from resolvers import ids
from tests import factories
from tests.mapping.shapes import SLIVERS

TEMPLATE = "https://tiles.example.org/{z}/{x}/{y}.png"
FIELDS = """status zoomLevel epochs batchSize seed freezeLayers sourceImagery description taskId centroid accuracy
    chipsLength startedAt finishedAt failure user { username } model { id } job { kind state attempt progress }"""


@pytest.fixture
async def dataset(database, owner):
    """One with a labelled area."""
    dataset = await factories.dataset(database, owner.id)
    await factories.label(database, await factories.aoi(database, dataset))
    return dataset


@pytest.fixture
async def model(database, dataset):
    return await factories.model(database, dataset)


async def test_a_model_is_made_and_found_again(ask, change, other, dataset):
    fields = """name description baseModel status createdAt lastModified
        user { username } dataset { id } publishedTraining { id }"""
    made = await change(
        "createModel",
        fields,
        viewer=other,
        datasetId=ids.encode(dataset),
        name=" Roofs ",
        description="Flat\nand steep",
    )
    assert made["dataset"] == {"id": ids.encode(dataset)}
    shown = {"name": "Roofs", "description": "Flat\nand steep", "baseModel": "RAMP", "status": "DRAFT"}
    assert (shown | {"user": {"username": "other"}, "publishedTraining": None}).items() <= made.items()
    found = await ask(f"query ($id: ID!) {{ model(id: $id) {{ __typename id {fields} }} }}", id=made["id"])
    assert found == {"model": made}


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", ""), ("name", "x" * 51), ("name", "a\nb"), ("description", "x" * 4_001), ("description", "\u0001")],
)
async def test_a_model_with_a_wrong_value_is_not_made(refuse, owner, dataset, field, value):
    refused = await refuse(
        "createModel", viewer=owner, **{"datasetId": ids.encode(dataset), "name": "Roofs", field: value}
    )
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", field)


async def test_a_training_is_queued_with_its_job(ask, change, database, owner, model):
    made = await change(
        "startTraining",
        FIELDS,
        viewer=owner,
        modelId=ids.encode(model),
        zoomLevel=[20, 19, 20],
        epochs=3,
        batchSize=4,
        seed=7,
        freezeLayers=True,
        description="A try",
    )
    async with database.reading() as session:
        [job] = await session.scalars(select(Job))
    centroid = made.pop("centroid")
    assert made == {
        "__typename": "Training",
        "id": made["id"],
        "status": "SUBMITTED",
        "zoomLevel": [19, 20],
        "epochs": 3,
        "batchSize": 4,
        "seed": 7,
        "freezeLayers": True,
        "sourceImagery": TEMPLATE,
        "description": "A try",
        "taskId": str(job.id),
        "accuracy": None,
        "chipsLength": 0,
        "startedAt": None,
        "finishedAt": None,
        "failure": None,
        "user": {"username": "owner"},
        "model": {"id": ids.encode(model)},
        "job": {"kind": "TRAIN", "state": "QUEUED", "attempt": 0, "progress": 0.0},
    }
    assert centroid["type"] == "Point"
    assert centroid["coordinates"] == pytest.approx([12.0005, 46.0005])
    assert (job.kind, job.user_id) == (MappingJob.TRAIN, owner.id)
    found = await ask("query ($id: ID!) { training(id: $id) { status } }", id=made["id"])
    assert found == {"training": {"status": "SUBMITTED"}}


async def test_a_training_may_use_another_imagery_than_its_dataset(change, database, owner, model):
    other = "https://photos.example.org/{z}/{x}/{-y}.jpg"
    made = await change(
        "startTraining", FIELDS, viewer=owner, modelId=ids.encode(model), zoomLevel=[18], sourceImagery=other
    )
    assert (made["sourceImagery"], made["epochs"], made["batchSize"]) == (other, 20, 8)


WRONG = [
    ("zoomLevel", []),
    ("zoomLevel", [17]),
    ("zoomLevel", [18, 22]),
    ("zoomLevel", [17, 18, 19, 20, 21]),
    ("zoomLevel", [-1]),
    ("epochs", 0),
    ("epochs", 41),
    ("epochs", -1),
    ("batchSize", 0),
    ("batchSize", 9),
    ("seed", -1),
    ("sourceImagery", "https://tiles.example.org/all.png"),
    ("sourceImagery", "http://192.168.0.1/{z}/{x}/{y}.png"),
    ("sourceImagery", "   "),
    ("inputContactSpacing", -1),
    ("inputContactSpacing", 21),
    ("inputBoundaryWidth", -1),
    ("inputBoundaryWidth", 11),
    ("description", "x" * 501),
]


async def test_a_training_with_a_wrong_value_is_not_started(refuse, owner, model):
    for field, value in WRONG:
        input = {"modelId": ids.encode(model), "zoomLevel": [19], field: value}
        refused = await refuse("startTraining", viewer=owner, **input)
        assert (refused["code"], refused["field"]) == ("INVALID_INPUT", field), value


@pytest.mark.parametrize(
    "input", [{"zoomLevel": [None]}, {"zoomLevel": ["19"]}, {"epochs": 2.5}, {"epochs": 2**31}], ids=str
)
async def test_a_training_with_a_value_of_another_kind_is_not_started(refuse, owner, model, input):
    refused = await refuse("startTraining", viewer=owner, **{"modelId": ids.encode(model), "zoomLevel": [19], **input})
    assert refused["code"] == "BAD_REQUEST"


async def test_a_training_without_imagery_is_not_started(refuse, database, owner):
    dataset = await factories.dataset(database, owner.id, source_imagery=None)
    await factories.label(database, await factories.aoi(database, dataset))
    model = await factories.model(database, dataset)
    refused = await refuse("startTraining", viewer=owner, modelId=ids.encode(model), zoomLevel=[19])
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "sourceImagery")


async def test_a_training_without_areas_or_labels_is_not_started(refuse, database, owner):
    dataset = await factories.dataset(database, owner.id)
    start = {"viewer": owner, "modelId": ids.encode(await factories.model(database, dataset)), "zoomLevel": [19]}
    refused = [await refuse("startTraining", **start)]
    await factories.aoi(database, dataset)
    refused.append(await refuse("startTraining", **start))
    await factories.aoi(database, dataset, label_status=DownloadStatus.DOWNLOADED)
    refused.append(await refuse("startTraining", **start))
    assert [answer["__typename"] for answer in refused] == ["Conflict"] * 3
    assert {answer["message"] for answer in refused} == {
        "There is nothing to learn from: no area of the dataset has labels. Fetch, draw or upload some first."
    }


@pytest.mark.parametrize("status", [DownloadStatus.NOT_DOWNLOADED, DownloadStatus.RUNNING])
async def test_an_area_nobody_labelled_keeps_the_training_from_starting(
    refuse, database, owner, dataset, model, status
):
    await factories.aoi(database, dataset, label_status=status)
    refused = await refuse("startTraining", viewer=owner, modelId=ids.encode(model), zoomLevel=[19])
    assert refused["__typename"] == "Conflict"
    assert refused["message"].startswith("1 of the dataset's areas still need labels")


async def test_an_area_found_empty_teaches_too(change, database, owner, dataset, model):
    await factories.aoi(database, dataset, label_status=DownloadStatus.DOWNLOADED)
    made = await change("startTraining", viewer=owner, modelId=ids.encode(model), zoomLevel=[19])
    assert made["__typename"] == "Training"


@pytest.mark.parametrize("base_model", [BaseModel.YOLO_V8_V1, BaseModel.YOLO_V8_V2])
async def test_a_base_model_that_is_not_installed_is_unavailable(refuse, database, owner, dataset, base_model):
    model = await factories.model(database, dataset, base_model=base_model)
    refused = await refuse("startTraining", viewer=owner, modelId=ids.encode(model), zoomLevel=[19])
    assert (refused["__typename"], refused["code"]) == ("Unavailable", "UNAVAILABLE")
    assert base_model.value in refused["message"]


@pytest.mark.parametrize("sliver", SLIVERS.values(), ids=SLIVERS)
async def test_an_area_of_too_many_tiles_is_refused_soon(refuse, database, owner, dataset, model, sliver):
    await factories.label(database, await factories.aoi(database, dataset, geom=sliver))
    refused = await refuse("startTraining", viewer=owner, modelId=ids.encode(model), zoomLevel=[18, 19, 20, 21])
    assert (refused["__typename"], refused["limit"]) == ("LimitReached", settings.tiles_per_job_max)


async def test_all_areas_and_zooms_together_have_no_more_tiles_than_a_job_may(
    change, refuse, owner, model, monkeypatch
):
    monkeypatch.setattr(settings, "tiles_per_job_max", 20)
    start = {"viewer": owner, "modelId": ids.encode(model)}
    refused = await refuse("startTraining", **start, zoomLevel=[18, 19, 20])
    assert (refused["code"], refused["limit"]) == ("LIMIT_REACHED", 20)
    assert (await change("startTraining", **start, zoomLevel=[18]))["__typename"] == "Training"


async def test_a_model_has_one_unfinished_training_however_many_start_at_once(change, refuse, database, owner, model):
    start = {"viewer": owner, "modelId": ids.encode(model), "zoomLevel": [19]}
    answers = await asyncio.gather(*(change("startTraining", **start) for _ in range(10)))
    assert sorted(answer["__typename"] for answer in answers) == ["Conflict"] * 9 + ["Training"]
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Training)) == 1
        assert await session.scalar(select(func.count()).select_from(Job)) == 1
    async with database.writing() as session:
        await session.execute(update(Training).values(status=TrainingStatus.RUNNING))
    assert (await refuse("startTraining", **start))["code"] == "CONFLICT"
    async with database.writing() as session:
        await session.execute(update(Training).values(status=TrainingStatus.FAILED))
    assert (await change("startTraining", **start))["__typename"] == "Training"


async def test_masks_of_four_classes_are_asked_for_without_a_description(change, owner, model):
    options = {"multimasks": True, "inputContactSpacing": 20, "inputBoundaryWidth": 0}
    made = await change(
        "startTraining",
        f"description createdAt {' '.join(options)}",
        viewer=owner,
        modelId=ids.encode(model),
        zoomLevel=[19],
        **options,
    )
    assert made["__typename"] == "Training"
    assert made["description"] is None
    assert options.items() <= made.items()


async def test_a_trainings_birthday_does_not_change(ask, change, database, owner, model):
    made = await change("startTraining", "createdAt", viewer=owner, modelId=ids.encode(model), zoomLevel=[19])
    async with database.writing() as session:
        await session.execute(update(Training).values(status=TrainingStatus.FINISHED, accuracy=50.0))
    found = await ask("query ($id: ID!) { training(id: $id) { status createdAt } }", id=made["id"])
    assert found["training"] == {"status": "FINISHED", "createdAt": made["createdAt"]}


async def test_staff_may_train_anybodys_model(change, staff, model):
    made = await change("startTraining", FIELDS, viewer=staff, modelId=ids.encode(model), zoomLevel=[19])
    assert made["user"] == {"username": "staff"}


@pytest.fixture
async def started(change, owner, model):
    return (await change("startTraining", viewer=owner, modelId=ids.encode(model), zoomLevel=[19]))["id"]


async def test_a_queued_training_is_cancelled_at_once(ask, change, owner, model, started):
    cancelled = await change("cancelTraining", FIELDS, viewer=owner, trainingId=started)
    assert (cancelled["status"], cancelled["failure"], cancelled["job"]["state"]) == (
        "FAILED",
        "Cancelled.",
        "CANCELLED",
    )
    assert cancelled["finishedAt"] is not None
    told = await ask("{ notifications { nodes { message training { id } subject { id } } } }", viewer=owner)
    [message] = told["notifications"]["nodes"]
    assert message["message"].endswith(" was cancelled.")
    assert message["training"] == message["subject"] == {"id": started}
    again = await change("startTraining", viewer=owner, modelId=ids.encode(model), zoomLevel=[19])
    assert again["__typename"] == "Training"


async def test_a_running_training_is_asked_to_stop(change, database, owner, started):
    async with database.writing() as session:
        await session.execute(update(Job).values(state=JobState.RUNNING))
        await session.execute(update(Training).values(status=TrainingStatus.RUNNING))
    asked = await change("cancelTraining", "status job { state cancelRequested }", viewer=owner, trainingId=started)
    assert (asked["status"], asked["job"]) == ("RUNNING", {"state": "RUNNING", "cancelRequested": True})


@pytest.mark.parametrize("status", [TrainingStatus.FINISHED, TrainingStatus.FAILED])
async def test_an_ended_training_cannot_be_cancelled(refuse, database, owner, started, status):
    async with database.writing() as session:
        await session.execute(update(Job).values(state=JobState.DONE))
        await session.execute(update(Training).values(status=status))
    assert (await refuse("cancelTraining", viewer=owner, trainingId=started))["code"] == "CONFLICT"


async def test_a_training_is_cancelled_once_however_many_ask(change, owner, started):
    answers = await asyncio.gather(*(change("cancelTraining", viewer=owner, trainingId=started) for _ in range(5)))
    assert sorted(answer["__typename"] for answer in answers) == ["Conflict"] * 4 + ["Training"]


async def test_anothers_training_is_cancelled_by_staff_alone(change, refuse, other, staff, started):
    assert (await refuse("cancelTraining", viewer=other, trainingId=started))["code"] == "FORBIDDEN"
    assert (await change("cancelTraining", "status", viewer=staff, trainingId=started))["status"] == "FAILED"
