"""Nothing a stranger can look at after asking for a mail tells who has an account: no row, count, event or time."""

import asyncio
import time

import pytest
from sqlalchemy import func, select

from app.gateways import mail
from app.models.kinds.system import SystemJob
from app.models.system import Event, Job
from jobs.system import Pause
from resolvers import ids
from tests import factories
from tests.fixtures import Person

LOOK = """query ($ids: [ID!]!) {
    nodes(ids: $ids) { __typename ... on Job { state error createdAt startedAt finishedAt queuePosition } }
    queueLoads { kind queued running usualS }
}"""
JOBS = [ids.encode_key(Job, number) for number in range(1, 60)]


@pytest.fixture
async def ann(database):
    made = await factories.user(database, "ann", email_verified=True)
    return Person(made.user, made.token)


async def looked(ask, viewer) -> tuple[object, ...]:
    answer = await ask(LOOK, viewer=viewer, ids=JOBS)
    return dict(answer), [(error["path"], error["extensions"]) for error in answer.errors]


async def events_of(database) -> int:
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(Event)) or 0


@pytest.mark.parametrize("name", ["requestSignUp", "requestPasswordReset"])
@pytest.mark.parametrize("who", ["stranger", "other"])
async def test_nothing_tells_who_has_an_account(ask, change, deliver, database, ann, other, name, who):
    viewer = None if who == "stranger" else other
    before, told = await looked(ask, viewer), []
    for email in ("ann@fieldgraph.test", "nobody@fieldgraph.test"):
        events = await events_of(database)
        answer = await change(name, "email", email=email)
        seen = [await looked(ask, viewer)]
        await deliver()
        seen.append(await looked(ask, viewer))
        assert seen == [before, before]
        told.append((answer["__typename"], await events_of(database) - events))
    assert told[0] == told[1]
    async with database.reading() as session:
        kinds = (await session.scalars(select(Job.kind))).all()
    assert kinds == [SystemJob.SEND_MAIL] * 2, "there was something to be seen"


async def test_a_mail_to_nobody_takes_as_long_as_one_to_somebody(monkeypatch):
    async def slow(_message) -> None:
        await asyncio.sleep(0.3)

    monkeypatch.setattr(mail, "send", slow)
    pause = Pause()
    await pause.send(object())
    begun = time.monotonic()
    await pause.send(None)
    assert time.monotonic() - begun >= 0.25
