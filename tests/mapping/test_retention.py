"""Trainings give up their files when they are old and nobody needs them; the row says so."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from app.gateways import storage
from app.models.kinds.mapping import MappingJob
from app.models.mapping.predictions import Artifact
from app.models.mapping.trainings import Model, ModelStatus, Training, TrainingStatus
from app.models.system import Job, JobState
from app.services.mapping.trainings import retention
from app.settings import settings
from resolvers import ids
from tests import factories

OLD = datetime.now(UTC) - timedelta(days=settings.artifacts_kept_days + 1)
YOUNG = datetime.now(UTC) - timedelta(days=settings.artifacts_kept_days - 1)


@pytest.fixture
async def model(database, owner):
    return await factories.model(database, await factories.dataset(database, owner.id))


@pytest.fixture
def trained(database, model):
    """A training with a file in storage."""

    async def trained(**fields) -> Training:
        done = {"status": TrainingStatus.FINISHED, "accuracy": 50.0, "finished_at": OLD}
        training = await factories.training(database, model, **{**done, **fields})
        key = f"trainings/{training.id}/1/checkpoint.safetensors"
        await storage.put(key, b"weights")
        await factories.artifact(database, training_id=training.id, storage_key=key)
        return training

    return trained


async def given_up(database) -> set[int]:
    """Which trainings have no files any more, by the word of their rows."""
    await retention.discard_old_files(database)
    async with database.reading() as session:
        gone = set(await session.scalars(select(Training.id).where(Training.artifacts_deleted_at.is_not(None))))
        kept = set(await session.scalars(select(Artifact.training_id)))
        asked = set(await session.scalars(select(Job.subject_id).where(Job.kind == MappingJob.REMOVE_TRAINING)))
    assert not gone & kept
    assert gone == asked
    return gone


async def test_old_ones_are_given_up_and_their_files_deleted(ask, database, trained, work):
    old, young = await trained(), await trained(finished_at=YOUNG)
    assert await given_up(database) == {old.id}
    assert (await work()).state is JobState.DONE
    assert not await storage.exists(f"trainings/{old.id}/1/checkpoint.safetensors")
    assert await storage.exists(f"trainings/{young.id}/1/checkpoint.safetensors")
    document = "query ($id: ID!) { training(id: $id) { accuracy artifactsDeletedAt artifacts { totalCount } } }"
    left = (await ask(document, id=ids.encode(old)))["training"]
    assert left.pop("artifactsDeletedAt") is not None
    assert left == {"accuracy": 50.0, "artifacts": {"totalCount": 0}}


async def test_a_failed_one_is_given_up_too_and_one_that_runs_is_not(database, trained):
    failed = await trained(status=TrainingStatus.FAILED)
    await trained(status=TrainingStatus.RUNNING, finished_at=None)
    assert await given_up(database) == {failed.id}


async def test_what_is_published_is_kept(database, model, trained):
    published, other = await trained(), await trained()
    async with database.writing() as session:
        await session.execute(update(Model).values(status=ModelStatus.PUBLISHED, published_training_id=published.id))
    assert await given_up(database) == {other.id}
    async with database.writing() as session:
        await session.execute(update(Model).values(status=ModelStatus.ARCHIVED))
    assert await given_up(database) == {published.id, other.id}


async def test_the_parent_of_one_that_is_kept_is_kept(database, trained):
    parent = await trained()
    child = await trained(parent_training_id=parent.id, finished_at=YOUNG)
    assert await given_up(database) == set()
    async with database.writing() as session:
        await session.execute(update(Training).where(Training.id == child.id).values(finished_at=OLD))
    assert await given_up(database) == {child.id}
    assert await given_up(database) == {parent.id, child.id}


async def test_what_a_prediction_looks_with_is_kept(database, trained):
    training = await trained()
    prediction = await factories.prediction(database, training, status=TrainingStatus.SUBMITTED)
    assert await given_up(database) == set()
    async with database.writing() as session:
        await session.execute(update(type(prediction)).values(status=TrainingStatus.FINISHED))
    assert await given_up(database) == {training.id}


async def test_without_its_files_it_cannot_be_published(refuse, database, owner, trained):
    training = await trained()
    await given_up(database)
    refused = await refuse("publishTraining", viewer=owner, trainingId=ids.encode(training))
    assert refused["code"] == "CONFLICT"
    assert "deleted" in refused["message"]
