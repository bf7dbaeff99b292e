"""Models and trainings: changed, put away, deleted with their files, and kept where somebody needs them."""

import asyncio

import pytest

from app.gateways import storage
from app.models.kinds.mapping import MappingJob
from app.models.mapping.trainings import Model, ModelStatus, Training, TrainingStatus
from app.models.system import JobState
from resolvers import ids
from tests import factories


@pytest.fixture
async def model(database, owner):
    return await factories.model(database, await factories.dataset(database, owner.id))


@pytest.fixture
async def training(database, model):
    return await factories.training(database, model, status=TrainingStatus.FINISHED, accuracy=90.0)


async def publish(database, model, training) -> None:
    async with database.writing() as session:
        row = await session.get_one(Model, model.id)
        row.status, row.published_training_id = ModelStatus.PUBLISHED, training.id


async def test_what_is_absent_of_a_model_stays_and_what_is_null_is_cleared(change, owner, model):
    id = ids.encode(model)
    changed = await change(
        "updateModel", "name description status", viewer=owner, id=id, description=" Tin roofs\nand tiles "
    )
    assert (changed["name"], changed["description"], changed["status"]) == ("Roofs", "Tin roofs\nand tiles", "DRAFT")
    changed = await change("updateModel", "name description", viewer=owner, id=id, name="Tents", description=None)
    assert (changed["name"], changed["description"]) == ("Tents", None)


async def test_a_model_is_not_published_by_saying_so(refuse, owner, model):
    refused = await refuse("updateModel", viewer=owner, id=ids.encode(model), status="PUBLISHED")
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "status")


async def test_a_published_model_is_put_away(change, refuse, database, owner, model, training):
    await publish(database, model, training)
    changed = await change("updateModel", "status", viewer=owner, id=ids.encode(model), status="ARCHIVED")
    assert changed["status"] == "ARCHIVED"
    assert (await refuse("updateModel", viewer=owner, id=ids.encode(model), status="PUBLISHED"))["field"] == "status"


WRONG = [("name", ""), ("name", "x" * 51), ("description", "x" * 4001)]


@pytest.mark.parametrize(("field", "value"), WRONG, ids=lambda value: str(value)[:20])
async def test_a_wrong_value_is_named_and_changes_no_model(refuse, owner, model, field, value):
    refused = await refuse("updateModel", viewer=owner, id=ids.encode(model), **{field: value})
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", field)


@pytest.mark.parametrize("deed", ["updateModel", "deleteModel", "deleteTraining"])
async def test_a_model_and_its_trainings_are_changed_by_its_owner_and_staff(
    change, refuse, owner, other, staff, model, training, deed
):
    id = ids.encode(training if deed == "deleteTraining" else model)
    assert (await refuse(deed, viewer=other, id=id))["code"] == "FORBIDDEN"
    assert (await refuse(deed, id=id))["code"] == "UNAUTHENTICATED"
    assert (await change(deed, viewer=staff, id=id))["id"] == id


async def test_a_training_takes_its_files_along(ask, change, database, owner, model, training, work):
    for id in (training.id, training.id * 10):
        await storage.put(f"trainings/{id}/1/checkpoint.safetensors", b"weights")
    await factories.artifact(database, training_id=training.id)
    await factories.feedback(database, training)
    ended = TrainingStatus.FINISHED
    child = await factories.training(database, model, parent_training_id=training.id, status=ended)
    assert (await change("deleteTraining", viewer=owner, id=ids.encode(training)))["id"] == ids.encode(training)
    assert (await work()).state is JobState.DONE
    assert not await storage.exists(f"trainings/{training.id}/1/checkpoint.safetensors")
    assert await storage.exists(f"trainings/{training.id}0/1/checkpoint.safetensors")
    async with database.reading() as session:
        assert (await session.get_one(Training, child.id)).parent_training_id is None


async def test_predictions_go_with_their_training_and_so_do_their_files(change, database, owner, training, work):
    prediction = await factories.prediction(database, training, status=TrainingStatus.FINISHED)
    await storage.put(f"predictions/{prediction.id}/1/predictions.geojson", b"{}")
    await change("deleteModel", viewer=owner, id=ids.encode(await _model_of(database, training)))
    job = await work()
    assert (job.kind, job.state) == (MappingJob.REMOVE_PREDICTION, JobState.DONE)
    assert not await storage.exists(f"predictions/{prediction.id}/1/predictions.geojson")


async def _model_of(database, training) -> Model:
    async with database.reading() as session:
        return await session.get_one(Model, training.model_id)


@pytest.mark.parametrize("deed", ["deleteModel", "deleteTraining"])
async def test_what_is_published_is_not_deleted(change, refuse, database, owner, model, training, deed):
    await publish(database, model, training)
    id = ids.encode(training if deed == "deleteTraining" else model)
    assert (await refuse(deed, viewer=owner, id=id))["code"] == "CONFLICT"
    await change("updateModel", viewer=owner, id=ids.encode(model), status="ARCHIVED")
    assert (await change(deed, viewer=owner, id=id))["id"] == id
    async with database.reading() as session:
        kept = await session.get(Model, model.id)
    assert (kept and kept.published_training_id) is None


@pytest.mark.parametrize("deed", ["deleteModel", "deleteTraining"])
async def test_what_is_at_work_or_needed_by_others_is_not_deleted(
    refuse, database, owner, other, model, training, deed
):
    id = ids.encode(training if deed == "deleteTraining" else model)
    prediction = await factories.prediction(database, training, status=TrainingStatus.RUNNING)
    assert "queued or running" in (await refuse(deed, viewer=owner, id=id))["message"]
    await factories.prediction(database, training, user_id=other.id, status=TrainingStatus.FINISHED)
    assert "Other people" in (await refuse(deed, viewer=owner, id=id))["message"]
    assert prediction.training_id == training.id


@pytest.mark.parametrize("status", [TrainingStatus.SUBMITTED, TrainingStatus.RUNNING])
async def test_a_training_at_work_is_cancelled_before_it_is_deleted(refuse, database, owner, model, status):
    training = await factories.training(database, model, status=status)
    for deed, row in [("deleteTraining", training), ("deleteModel", model)]:
        refused = await refuse(deed, viewer=owner, id=ids.encode(row))
        assert refused["message"] == "This training is queued or running. Cancel it first."


async def test_a_training_is_published_or_deleted_but_not_both(change, database, owner, model):
    for _ in range(5):
        training = await factories.training(database, model, status=TrainingStatus.FINISHED, accuracy=90.0)
        id = ids.encode(training)
        deleted, published = await asyncio.gather(
            change("deleteTraining", viewer=owner, id=id), change("publishTraining", viewer=owner, trainingId=id)
        )
        async with database.reading() as session:
            is_there = await session.get(Training, training.id) is not None
            offered = (await session.get_one(Model, model.id)).published_training_id
        assert is_there == (deleted.get("code") == "CONFLICT")
        assert (offered == training.id) == (published.get("code") is None) == is_there
