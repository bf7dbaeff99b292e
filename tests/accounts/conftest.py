"""A mail server on loopback, the worker's own way to it, and what arrived."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from app.database import Database
from app.models.kinds.system import SystemJob
from app.models.system import Job, JobState
from app.settings import settings
from jobs import accounts, system  # noqa: F401 -- register who writes mails, and who sends them
from jobs.broker import WORKS
from jobs.run import attempt
from tests.mailbox import Mailbox, receiving


@pytest.fixture
async def mailbox(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Mailbox]:
    """A mail server that the settings name."""
    box = Mailbox()
    async with receiving(box) as place:
        monkeypatch.setattr(settings, "smtp_url", SecretStr(f"smtp://{place}"))
        yield box


@pytest.fixture
def deliver(database: Database) -> Callable[[], Awaitable[list[JobState]]]:
    """Has the worker send every mail that waits, once; what became of the jobs."""

    async def deliver() -> list[JobState]:
        waiting = select(Job.id).where(Job.kind == SystemJob.SEND_MAIL, Job.state == JobState.QUEUED).order_by(Job.id)
        async with database.reading() as session:
            ids = (await session.scalars(waiting)).all()
        for id in ids:
            await attempt(database, WORKS[SystemJob.SEND_MAIL], id, asyncio.Event())
        async with database.reading() as session:
            return list(await session.scalars(select(Job.state).where(Job.id.in_(ids)).order_by(Job.id)))

    return deliver
