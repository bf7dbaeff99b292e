"""Subscribers of the whole API share what is the same, and nothing else."""

import asyncio
import random
from contextlib import AsyncExitStack
from inspect import isasyncgenfunction

import pytest
from sqlalchemy import select, text

from app import events
from app.database import Database
from app.events.positions import Position
from app.models.accounts import User
from app.models.mapping.trainings import Training
from app.models.system import Event
from app.services.accounts.sign_in import sessions
from app.services.mapping.trainings import progress
from app.services.system import notifications
from app.settings import settings
from resolvers.ids import encode
from schema import schema
from tests.system.clients import connected

TRAINING = """
subscription ($id: ID!, $after: String) {
  trainingUpdated(trainingId: $id, after: $after) { cursor status message training { status user { username } } }
}
"""
NOTIFICATION = "subscription { notificationReceived { notification { message subject { id } } } }"
WRITERS, TRANSACTIONS, TOGETHER = 20, 8, 3
FRESH, RETURNING = 6, 6


@pytest.fixture
async def audience(live):
    """So many sockets that have received how things stand."""
    async with AsyncExitStack() as stack:

        async def audience(count, viewer, document, **variables):
            clients = [await stack.enter_async_context(connected(live, viewer)) for _ in range(count)]
            for client in clients:
                await client.subscribe(document, **variables)
            return clients

        yield audience


@pytest.fixture
def tell(database, training):
    """Lets something happen to the training."""

    async def tell(**said):
        async with database.writing() as session:
            events.record(session, progress.topic_of(Training, training.id), said)

    return tell


@pytest.mark.parametrize("field", schema._schema.subscription_type.fields.values(), ids=str)
def test_every_subscription_can_be_shared(field):
    resolver = field.extensions["strawberry-definition"].base_resolver.wrapped_func
    assert not isasyncgenfunction(resolver), "answer with a SourceStream instead"


async def test_one_event_costs_the_same_for_one_and_for_many(
    audience, training, owner, other, tell, statements, database
):
    async def cost(clients):
        statements.clear()
        await tell(message="x")
        for client in clients:
            assert (await client.next())["message"] == "x"
        return len(statements)

    first = await audience(1, owner, TRAINING, id=encode(training))
    await first[0].next()
    alone = await cost(first)
    # The same person in another session is the same viewer.
    async with database.writing() as session:
        again = await sessions.sign_in(session, await session.get_one(User, owner.id))
    many = first + await audience(7, owner, TRAINING, id=encode(training))
    many += await audience(2, again, TRAINING, id=encode(training))
    for client in many[1:]:
        await client.next()
    assert await cost(many) == alone
    stranger = await audience(1, other, TRAINING, id=encode(training))
    await stranger[0].next()
    assert await cost(many + stranger) == 2 * (alone - 1) + 1


async def test_those_who_ask_the_same_of_their_own_are_told_only_that(audience, database, owner, other, training):
    owners, others = await audience(2, owner, NOTIFICATION), await audience(2, other, NOTIFICATION)
    for client in owners + others:
        await client.settled()
    received = [asyncio.create_task(client.next()) for client in owners + others]
    while not all(each.done() for each in received):
        async with database.writing() as session:
            notifications.notify(session, owner.id, "For the owner.", about=training)
        async with database.writing() as session:
            notifications.notify(session, other.id, "For the other.", about=training)
        await asyncio.wait(received, timeout=0.2)
    messages = [(await each)["notification"]["message"] for each in received]
    assert messages == ["For the owner."] * 2 + ["For the other."] * 2


@pytest.fixture
async def crowd(database_url, redis_url, training, monkeypatch):
    """Twenty who write at once, and let their transactions wait before the commit."""
    monkeypatch.setattr(settings, "database_pool", WRITERS)
    monkeypatch.setattr(settings, "socket_outbox_events_max", 10_000)
    database, topic = Database(database_url, redis_url), progress.topic_of(Training, training.id)

    async def write(writer):
        for number in range(TRANSACTIONS):
            async with database.writing() as session:
                for part in range(TOGETHER):
                    events.record(session, topic, {"message": f"{writer} {number} {part}"})
                await session.flush()
                await asyncio.sleep(random.uniform(0, 0.1))

    async def crowd():
        await asyncio.gather(*(write(writer) for writer in range(WRITERS)))

    yield crowd
    await database.close()


async def listen_from_now(live, training, joined):
    """The place where it began, and every event from there to the end."""
    await asyncio.sleep(random.uniform(0, 0.5))
    async with connected(live) as client:
        await client.subscribe(TRAINING, id=encode(training))
        begun = (await client.next())["cursor"]
        joined.release()
        received = [await client.next()]
        while received[-1]["status"] is None:
            received.append(await client.next())
        assert await client.is_complete()
    return begun, [event["cursor"] for event in received]


async def come_and_go(live, training, joined):
    """The same, told in parts: each goes on where the last was broken off."""
    async with connected(live) as client:
        await client.subscribe(TRAINING, id=encode(training))
        begun = cursor = (await client.next())["cursor"]
    joined.release()
    received = []
    while not received or received[-1]["status"] is None:
        async with connected(live) as client:
            await client.subscribe(TRAINING, id=encode(training), after=cursor)
            for _ in range(random.randint(1, 100)):
                received.append(await client.next())
                if received[-1]["status"]:
                    break
        cursor = received[-1]["cursor"]
    return begun, [event["cursor"] for event in received]


async def test_amid_many_writers_nobody_misses_or_doubles_anything(live, crowd, training, tell, database):
    joined = asyncio.Semaphore(0)
    listening = [asyncio.create_task(listen_from_now(live, training, joined)) for _ in range(FRESH)]
    listening += [asyncio.create_task(come_and_go(live, training, joined)) for _ in range(RETURNING)]
    await crowd()
    for _ in listening:
        await joined.acquire()
    await tell(status="FINISHED")
    async with database.reading() as session:
        epoch = await session.scalar(text("SELECT epoch FROM event_epochs"))
        rows = await session.execute(select(Event.xid, Event.id).order_by(Event.xid, Event.id))
        positions = [Position(*row, epoch) for row in rows]
    for begun, received in await asyncio.gather(*listening):
        assert received == [position.cursor for position in positions if position > Position.parse(begun)]
