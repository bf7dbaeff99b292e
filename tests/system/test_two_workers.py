"""Two real worker processes on one clock: each turn of a banner is told once, and each person gets one mail."""

import os
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis
from sqlalchemy import func, select, update

from app.models.accounts import User
from app.models.choices import DeliveryMethod
from app.models.system import Banner, Event, Job, JobState
from app.operations import doctor
from app.operations.processes.process import Children
from app.services.system import banners, notifications
from tests import factories
from tests.mailbox import Mailbox, receiving

QUICK = {"JOB_SWEEP_S": "0.1", "NOTIFICATION_SETTLE_S": "0.5", "SHUTDOWN_S": "5", "DATABASE_POOL": "4"}
BANNERS, PEOPLE = 20, 8


@pytest.fixture
async def box(redis_url, database_url, tmp_path, eventually):
    """What the mails of two workers arrive in, once both work."""
    box = Mailbox()
    async with receiving(box) as place:
        environment = {f"FIELDGRAPH_{name}": value for name, value in (QUICK | {"SMTP_URL": f"smtp://{place}"}).items()}
        with Children() as children, (tmp_path / "workers.log").open("wb") as log, Redis.from_url(redis_url) as redis:
            for _ in range(2):
                command = [sys.executable, "-m", "app.cli", "work"]
                children.start(command, environment=os.environ | environment, output=log)

            async def both():
                return len(list(redis.scan_iter(doctor.WORKER_KEYS))) == 2

            await eventually(both)
            yield box


@pytest.fixture
def turns(database):
    """How often each change of each banner was told."""

    async def turns():
        async with database.reading() as session:
            told = await session.scalars(select(Event.payload).where(Event.topic == banners.TOPIC))
            return Counter((payload["banner"], payload["change"]) for payload in told)

    return turns


async def test_each_turn_is_told_once_and_each_person_mailed_once(box, database, turns, eventually):
    wish = {"email_verified": True, "notifications_delivery_methods": [DeliveryMethod.EMAIL]}
    people = [(await factories.user(database, f"person{number}", **wish)).user for number in range(PEOPLE)]
    async with database.writing() as session:
        session.add_all([Banner(message=f"Banner {number}.") for number in range(BANNERS)])
        for user in people:
            notifications.notify(session, user.id, "One.", about=user)
            notifications.notify(session, user.id, "Two.", about=user)

    async def all_is_told():
        return len(await turns()) == BANNERS and len(box.mails) >= PEOPLE

    await eventually(all_is_told)
    async with database.writing() as session:
        await session.execute(update(Banner).values(end_date=datetime.now(UTC) + timedelta(seconds=0.5)))
        for user in people:
            notifications.notify(session, user.id, "Three.", about=await session.get_one(User, user.id))

    async def all_is_over():
        async with database.reading() as session:
            unsent = await session.scalar(select(func.count()).where(Job.state != JobState.DONE))
        return len(await turns()) == 2 * BANNERS and not unsent

    await eventually(all_is_over)
    assert set((await turns()).values()) == {1}
    assert Counter(change for _, change in await turns()) == {"STARTED": BANNERS, "ENDED": BANNERS}
    subject = "Fieldgraph: You have 2 new notifications"
    assert sorted((mail["To"], mail["Subject"]) for mail in box.mails) == [(user.email, subject) for user in people]
