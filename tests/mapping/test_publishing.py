"""Publishing: its rules in their order, and what it leaves on the model."""

import asyncio

import pytest

from app.base_models import OFFERS
from app.models.mapping.trainings import BaseModel, Model, ModelStatus, TrainingStatus
from app.settings import settings
from resolvers import ids
from tests import factories

DONE = {"status": TrainingStatus.FINISHED, "accuracy": 55.0}


@pytest.fixture
async def model(database, owner):
    return await factories.model(database, await factories.dataset(database, owner.id))


async def test_what_is_wrong_first_is_said_first(refuse, database, other, owner, model):
    async def refused(viewer, **fields) -> str:
        training = await factories.training(database, model, **fields)
        return (await refuse("publishTraining", viewer=viewer, trainingId=ids.encode(training)))["code"]

    assert await refused(None, status=TrainingStatus.FAILED) == "UNAUTHENTICATED"
    assert await refused(other, status=TrainingStatus.FAILED, accuracy=10.0) == "CONFLICT"
    assert await refused(other, status=TrainingStatus.FINISHED, accuracy=39.99) == "ACCURACY_TOO_LOW"
    assert await refused(other, **DONE) == "FORBIDDEN"
    for accuracy in (None, 39.99):
        assert await refused(owner, status=TrainingStatus.FINISHED, accuracy=accuracy) == "ACCURACY_TOO_LOW"


async def test_staff_do_not_publish_for_others(refuse, database, staff, model):
    training = await factories.training(database, model, **DONE)
    assert (await refuse("publishTraining", viewer=staff, trainingId=ids.encode(training)))["code"] == "FORBIDDEN"


@pytest.mark.parametrize("base_model", BaseModel)
async def test_each_base_model_has_its_own_threshold(change, refuse, database, owner, model, monkeypatch, base_model):
    monkeypatch.setattr(OFFERS[base_model.value].limits, "publish_accuracy_percent_min", 60)
    dataset = await factories.dataset(database, owner.id)
    weak, strong = [
        await factories.training(
            database,
            await factories.model(database, dataset, base_model=base_model),
            status=TrainingStatus.FINISHED,
            accuracy=accuracy,
        )
        for accuracy in (59.9, 60.0)
    ]
    refused = await refuse("publishTraining", viewer=owner, trainingId=ids.encode(weak))
    assert (refused["accuracy"], refused["required"]) == (59.9, 60)
    assert (await change("publishTraining", "status", viewer=owner, trainingId=ids.encode(strong)))[
        "status"
    ] == "PUBLISHED"


async def test_a_model_remembers_when_it_was_first_published(change, database, owner, model):
    first, second = [await factories.training(database, model, **DONE) for _ in range(2)]
    fields = "status publishedAt publishedTraining { id }"
    one = await change("publishTraining", fields, viewer=owner, trainingId=ids.encode(first))
    assert one["publishedAt"] is not None
    back = await change("updateModel", fields, viewer=owner, id=ids.encode(model), status="DRAFT")
    assert (back["status"], back["publishedAt"]) == ("DRAFT", one["publishedAt"])
    two = await change("publishTraining", fields, viewer=owner, trainingId=ids.encode(second))
    assert two["publishedTraining"] == {"id": ids.encode(second)}
    assert two["publishedAt"] == one["publishedAt"]


async def test_a_models_accuracy_is_that_of_its_published_training(ask, change, database, owner, model):
    document = "query ($id: ID!) { model(id: $id) { accuracy } }"
    better, worse = [
        await factories.training(database, model, status=TrainingStatus.FINISHED, accuracy=accuracy)
        for accuracy in (81.5, 62.25)
    ]
    assert await ask(document, viewer=owner, id=ids.encode(model)) == {"model": {"accuracy": None}}
    for training in (better, worse):
        await change("publishTraining", viewer=owner, id=ids.encode(training))
        assert await ask(document, id=ids.encode(model)) == {"model": {"accuracy": training.accuracy}}


async def test_only_publishing_publishes(refuse, database, owner, model):
    await factories.training(database, model, **DONE)
    refused = await refuse("updateModel", viewer=owner, id=ids.encode(model), status="PUBLISHED")
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "status")


async def test_of_two_published_at_once_one_is_the_models(change, database, owner, model):
    trainings = [await factories.training(database, model, **DONE) for _ in range(4)]
    await asyncio.gather(*(change("publishTraining", viewer=owner, trainingId=ids.encode(each)) for each in trainings))
    async with database.reading() as session:
        left = await session.get_one(Model, model.id)
    assert left.status is ModelStatus.PUBLISHED
    assert left.published_training_id in {training.id for training in trainings}


async def test_base_models_are_told_with_their_limits_and_why_they_cannot_be_trained(ask, monkeypatch):
    monkeypatch.setattr(settings.ramp, "epochs_max", 33)
    answer = await ask(
        """{ baseModels { baseModel available reason licence epochsMax batchSizeMax
        zoomLevelMin zoomLevelMax chipsMax publishAccuracyMin description } }"""
    )
    ramp, *yolos = answer["baseModels"]
    ramp.pop("description")
    assert ramp == {
        "baseModel": "RAMP",
        "available": True,
        "reason": None,
        "licence": "Apache-2.0",
        "epochsMax": 33,
        "batchSizeMax": 8,
        "zoomLevelMin": 18,
        "zoomLevelMax": 21,
        "chipsMax": settings.tiles_per_job_max,
        "publishAccuracyMin": 40,
    }
    assert [(yolo["baseModel"], yolo["licence"]) for yolo in yolos] == [
        ("YOLO_V8_V1", "AGPL-3.0"),
        ("YOLO_V8_V2", "AGPL-3.0"),
    ]
    assert all(yolo["available"] is (yolo["reason"] is None) for yolo in yolos)
