"""A training whose engine or worker was killed goes on from its last checkpoint."""

import asyncio
import json

import pytest
from sqlalchemy import select, update

from app.errors import Unavailable
from app.gateways import storage
from app.models.kinds.mapping import MappingJob
from app.models.system import Job, JobState
from app.services.mapping.trainings import retention
from app.settings import settings
from jobs.engine import EngineDied
from jobs.housekeeping import TASKS
from jobs.mapping import trainings as jobs
from jobs.mapping.resuming import FILE
from tests import factories

FIGURES = {"number": 1, "loss": 0.4, "validation_loss": 0.5, "validation_iou": 0.6, "seconds": 1.0}
EPOCH = {"stage": "training", "progress": 0.5, "message": "Epoch 1 of 2", "eta_s": None, "epoch": FIGURES}


@pytest.fixture
async def training(database, owner, monkeypatch):
    async def no_imagery(*_args, **_kwargs):
        """Brings nothing, and misses nothing: the engine is a stand-in."""
        return []

    monkeypatch.setattr(jobs, "fetch", no_imagery)
    dataset = await factories.dataset(database, owner.id)
    await factories.label(database, await factories.aoi(database, dataset))
    model = await factories.model(database, dataset)
    job = await factories.job(database, kind=MappingJob.TRAIN, user_id=owner.id)
    training = await factories.training(database, model, job_id=job.id, status="SUBMITTED")
    async with database.writing() as session:
        await session.execute(update(Job).where(Job.id == job.id).values(subject_id=training.id))
    return training


class Engine:
    """Writes a checkpoint, says that an epoch is over, and dies; it notes what it found."""

    def __init__(self):
        self.found = []

    async def __call__(self, run, folder, said, *, s_max):
        path = folder / FILE
        self.found.append(path.read_bytes() if path.exists() else None)
        path.write_bytes(json.dumps({"turn": len(self.found)}).encode())
        await said(EPOCH)
        raise EngineDied


@pytest.fixture
def engine(monkeypatch):
    engine = Engine()
    monkeypatch.setattr(jobs, "run_engine", engine)
    return engine


async def the_job(database):
    async with database.reading() as session:
        return (await session.scalars(select(Job))).one()


async def test_the_next_attempt_finds_what_the_last_one_wrote(training, engine, database, work):
    for turn in range(1, 6):  # more often than attempts: each gets on
        async with database.writing() as session:
            await session.execute(update(Job).values(available_at=Job.created_at))
        job = await work()
        assert (job.state, job.attempt, job.deaths, job.setbacks) == (JobState.QUEUED, 1, 0, 0)
        assert json.loads(await storage.get(retention.resuming_key(training.id))) == {"turn": turn}
    assert engine.found == [None, *(json.dumps({"turn": turn}).encode() for turn in range(1, 5))]


async def test_storage_that_takes_no_checkpoint_does_not_end_the_training(
    training, engine, database, work, monkeypatch
):
    async def full(*_args, **_kwargs):
        raise Unavailable("The file storage is not available now. Try again later.")

    monkeypatch.setattr(storage, "put", full)
    job = await work()
    assert (job.state, job.error) == (JobState.QUEUED, EngineDied().message)
    assert not await storage.exists(retention.resuming_key(training.id))


async def test_what_was_kept_of_trainings_that_ended_goes(training, engine, database, work, monkeypatch):
    await work()
    await storage.put(retention.resuming_key(training.id + 1), b"of a training that was deleted")
    monkeypatch.setattr(settings, "uploads_kept_hours", -1)
    await asyncio.gather(TASKS["checkpoints"](database))
    assert await storage.exists(retention.resuming_key(training.id))
    assert not await storage.exists(retention.resuming_key(training.id + 1))
