"""What jobs and events are watched with, and what they are about."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple, TypeVar

import pytest
from sqlalchemy import update

from app.database import Database
from app.models.base import Record
from app.models.kinds.mapping import MappingJob
from app.models.system import Job
from app.postgres.reader import Reader
from app.services.system import jobs
from tests import factories
from tests.proxy import Proxy, before_database

T = TypeVar("T")
WAIT_S_MAX = 120


@pytest.fixture
def eventually():
    """Waits for what comes sooner or later, and answers with it; fails when it does not come."""

    async def eventually(look: Callable[[], Awaitable[T]]) -> T:
        async with asyncio.timeout(WAIT_S_MAX):
            while not (found := await look()):  # noqa: ASYNC110 - what is waited for has no event of its own
                await asyncio.sleep(0.05)
            return found

    return eventually


@pytest.fixture
def found(database: Database):
    """A row as it is now."""

    async def found(row: Record) -> Record:
        async with database.reading() as session:
            return await session.get_one(type(row), row.id)

    return found


@pytest.fixture
def change_job(database: Database):
    """Puts a job into a state that would take time to come about."""

    async def change_job(job: Job, **values: object) -> None:
        async with database.writing() as session:
            await session.execute(update(Job).where(Job.id == job.id).values(**values))

    return change_job


READER = "reading"


class Network(NamedTuple):
    """What stands between, and where it is entered."""

    proxy: Proxy
    url: str


@pytest.fixture
def reader_url(database_url: str) -> str:
    """Where readers connect to, under a name of their own."""
    return f"{database_url}&application_name={READER}"


@pytest.fixture
def reading(reader_url: str):
    """A reader with limits of its own, until the block ends."""

    @asynccontextmanager
    async def reading(url: str = reader_url, **limits: float) -> AsyncIterator[Reader]:
        reader = Reader(url, **limits)
        try:
            yield reader
        finally:
            await reader.close()

    return reading


@pytest.fixture
async def reader(reading) -> AsyncIterator[Reader]:
    async with reading() as reader:
        yield reader


@pytest.fixture
async def sessions(database_owner, eventually):
    """What the readers' connections are doing: a state for each."""
    look = "SELECT state FROM pg_stat_activity WHERE application_name = %s ORDER BY state"

    def sessions() -> list[str]:
        return [state for (state,) in database_owner.execute(look, [READER])]

    async def nobody() -> bool:
        return not sessions()

    await eventually(nobody)  # those of the test before may still be leaving
    return sessions


@pytest.fixture
def terminate(database_owner):
    """Ends the readers' connections."""
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
    return lambda: database_owner.execute(end, [READER])


@pytest.fixture
async def network(reader_url: str) -> AsyncIterator[Network]:
    """A way to the database over TCP that may be cut and may fall silent."""
    async with before_database(reader_url) as (proxy, url):
        yield Network(proxy, url)


@pytest.fixture
async def training(database, owner):
    dataset = await factories.dataset(database, owner.id)
    await factories.label(database, await factories.aoi(database, dataset))
    model = await factories.model(database, dataset)
    job = await factories.job(database, kind=MappingJob.TRAIN, user_id=owner.id)
    training = await factories.training(database, model, job_id=job.id)
    async with database.writing() as session:
        await session.execute(update(Job).where(Job.id == job.id).values(subject_id=training.id))
    return training


@pytest.fixture
async def job(database):
    """A job that waits."""
    return await factories.job(database)


@pytest.fixture
def begin(database):
    async def begin(job):
        async with database.writing() as session:
            return await jobs.begin(session, job.id)

    return begin


@pytest.fixture
def do(database):
    """One of the services in a transaction of its own."""

    async def do(deed, *args, **kwargs):
        async with database.writing() as session:
            return await deed(session, *args, **kwargs)

    return do


@pytest.fixture
def lose(do):
    """Takes every running job away from its holder, as if the holder had died; answers how many."""

    async def lose():
        return await do(jobs.release, await do(jobs.leases))

    return lose
