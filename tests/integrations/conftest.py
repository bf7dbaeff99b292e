"""Webhooks, and the receiver that they tell."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, update

import jobs.integrations.webhooks  # noqa: F401 -- registers the job
from app.events.reading import EventReader
from app.models.integrations import Webhook, WebhookDelivery
from app.models.kinds.integrations import IntegrationsJob
from app.models.system import Job, JobState
from app.queue import IS_UNFINISHED
from app.services.integrations import answering, recording
from app.services.system.notifications import notify
from app.settings import settings
from tests.integrations.receiver import receiving


@pytest.fixture(autouse=True)
def answers(monkeypatch):
    """Jobs may ask the schema."""
    from app.job_queries import opened  # noqa: PLC0415 - loads the whole schema

    monkeypatch.setattr(answering, "_loaders", [lambda: opened])


@pytest.fixture
async def receiver(monkeypatch):
    async with receiving() as receiver:
        monkeypatch.setattr(settings, "outside_hosts_allowed", [receiver.host])
        yield receiver


@pytest.fixture
def create(change, owner, receiver):
    """A webhook, by its global id, and its secret."""

    async def create(*topics, viewer=owner, url=None):
        made = await change(
            "createWebhook",
            "secret webhook { id keyId }",
            viewer=viewer,
            url=url or receiver.url,
            topics=topics or ["NOTIFICATION_RECEIVED"],
        )
        return made["webhook"]["id"], made["secret"]

    return create


@pytest.fixture
def tell(database, owner):
    """Notifies somebody, which is an event."""

    async def tell(message, person=owner):
        async with database.writing() as session:
            notify(session, person.id, message, about=person.user)

    return tell


@pytest.fixture
def record(database):
    """Records the deliveries of all events so far."""

    async def record():
        await EventReader(database.engine, database.reader).settle()
        await recording.record_deliveries(database)

    return record


@pytest.fixture
def send(database):
    """Works on the waiting jobs of webhooks, each once; answers how many there were."""
    from jobs.broker import WORKS  # noqa: PLC0415 - tests without jobs need not wait for them
    from jobs.run import attempt  # noqa: PLC0415

    async def send():
        waiting = select(Job.id).where(Job.kind == IntegrationsJob.SEND_WEBHOOKS, IS_UNFINISHED).order_by(Job.id)
        async with database.reading() as session:
            ids = (await session.scalars(waiting)).all()
        for id in ids:
            await attempt(database, WORKS[IntegrationsJob.SEND_WEBHOOKS], id, asyncio.Event())
        return len(ids)

    return send


@pytest.fixture
def pass_time(database):
    """Makes all that waits due, as if so much time had passed."""

    async def pass_time(**time):
        ago = timedelta(**time)
        async with database.writing() as session:
            await session.execute(
                update(Webhook).values(resume_at=Webhook.resume_at - ago, failing_since=Webhook.failing_since - ago)
            )
            await session.execute(
                update(WebhookDelivery).values(
                    due_at=WebhookDelivery.due_at - ago, happened_at=WebhookDelivery.happened_at - ago
                )
            )

    return pass_time


@pytest.fixture
def rows(database):
    """All webhooks or deliveries, the oldest first."""

    async def rows(table=WebhookDelivery):
        async with database.reading() as session:
            return (await session.scalars(select(table).order_by(table.id))).all()

    return rows


@pytest.fixture
def job_states(database):
    async def job_states() -> list[JobState]:
        jobs = select(Job.state).where(Job.kind == IntegrationsJob.SEND_WEBHOOKS).order_by(Job.id)
        async with database.reading() as session:
            return list((await session.scalars(jobs)).all())

    return job_states
