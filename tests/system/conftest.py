"""What jobs and events are watched with."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from sqlalchemy import update

from app.database import Database
from app.models import Job
from app.models.base import Record

T = TypeVar("T")
WAIT_S_MAX = 60


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
