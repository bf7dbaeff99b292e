"""Who is writing to whom: shown at once to who listens, kept nowhere, never shown of those one keeps away."""

import asyncio
import json

import httpx
import pytest
from redis import Redis

from app.events.signals import CHANNEL, Signals
from app.models.social import Block, Mute
from app.settings import settings
from resolvers import ids
from tests import factories
from tests.fixtures import Person
from tests.system.clients import connected

LIVE = "subscription { typing { user { username } seconds } }"


async def person(database, name, **fields) -> Person:
    signed_in = await factories.user(database, name, **fields)
    return Person(signed_in.user, signed_in.token)


@pytest.fixture
def say(change, monkeypatch):
    monkeypatch.setattr(settings, "typing_per_minute_max", 10_000)

    async def say(sender, receiver, *, is_typing=True):
        receiver_id = ids.encode(receiver.user)
        made = await change("sendTyping", "username", viewer=sender, receiverId=receiver_id, isTyping=is_typing)
        assert made["username"] == receiver.user.username

    return say


async def heard_first(client, say, *people):
    """The first event of a subscription: said until it is received, for it may not have begun to listen yet."""
    receiving = asyncio.create_task(client.next())
    while not receiving.done():
        await say(*people)
        await asyncio.wait({receiving}, timeout=0.2)
    return await receiving


async def heard_until_stopped(client):
    """Who was received until somebody had stopped."""
    received = [await client.next()]
    while received[-1]["seconds"]:
        received.append(await client.next())
    return {each["user"]["username"] for each in received}


async def test_who_is_written_to_receives_it_in_another_process_and_nobody_else(live, database, say, owner, other):
    # The client that says it and the one that receives it are of two applications, which share Redis alone.
    third = await person(database, "third")
    async with connected(live, other) as client, connected(live, owner) as bystander:
        await bystander.subscribe(LIVE)
        await heard_first(bystander, say, third, owner)
        await client.subscribe(LIVE)
        assert await heard_first(client, say, owner, other) == {"user": {"username": "owner"}, "seconds": 6}
        await say(owner, other, is_typing=False)
        assert await heard_until_stopped(client) == {"owner"}
        await say(third, owner, is_typing=False)
        assert await heard_until_stopped(bystander) == {"third"}


async def test_it_is_received_over_server_sent_events_too(live, say, owner, other):
    async def first_event():
        headers = {"accept": "text/event-stream", "authorization": f"Bearer {other.token}"}
        async with (
            httpx.AsyncClient(timeout=30, trust_env=False) as http,
            http.stream("POST", f"{live.url}/graphql", json={"query": LIVE}, headers=headers) as response,
        ):
            return json.loads(await anext(line[6:] async for line in response.aiter_lines() if line.startswith("data")))

    receiving = asyncio.create_task(first_event())
    while not receiving.done():
        await say(owner, other)
        await asyncio.wait({receiving}, timeout=0.2)
    assert (await receiving)["data"]["typing"] == {"user": {"username": "owner"}, "seconds": 6}


async def test_it_is_kept_nowhere(say, unchanged, owner, other):
    async with unchanged():
        await say(owner, other)
        await say(owner, other, is_typing=False)


async def test_who_is_muted_is_not_received_and_does_not_learn_of_it(live, database, say, owner, other):
    third = await person(database, "third")
    await factories.add(database, Mute(user_id=other.id, muted_id=owner.id))
    async with connected(live, other) as client:
        await client.subscribe(LIVE)
        await heard_first(client, say, third, other)
        await say(owner, other)
        await say(third, other, is_typing=False)
        assert await heard_until_stopped(client) == {"third"}


async def test_nobody_is_received_by_nobody_by_the_suspended_or_across_a_block(refuse, database, owner, other):
    gone = await person(database, "gone", is_active=False)
    await factories.add(database, Block(user_id=other.id, blocked_id=owner.id, username="owner"))
    for sender, receiver in ((owner, gone), (owner, other), (other, owner)):
        answer = await refuse("sendTyping", viewer=sender, receiverId=ids.encode(receiver.user))
        assert (answer["code"], answer["field"]) == ("INVALID_INPUT", "receiverId")
    answer = await refuse("sendTyping", viewer=None, receiverId=ids.encode(other.user))
    assert answer["code"] == "UNAUTHENTICATED"


async def test_staff_are_not_received_by_who_blocked_them(live, database, say, owner, other, staff):
    await factories.add(database, Block(user_id=other.id, blocked_id=staff.id, username="staff"))
    async with connected(live, other) as client:
        await client.subscribe(LIVE)
        await heard_first(client, say, owner, other)
        await say(staff, other)
        await say(owner, other, is_typing=False)
        assert await heard_until_stopped(client) == {"owner"}


async def test_who_was_suspended_since_is_not_received(live, database, redis_url, say, owner, other):
    gone = await person(database, "gone", is_active=False)
    signals = Signals(redis_url)
    async with connected(live, other) as client:
        await client.subscribe(LIVE)
        await heard_first(client, say, owner, other)
        await signals.send(f"typing:{other.id}", {"user": gone.id, "seconds": 6})
        await signals.send(f"typing:{other.id}", {"user": owner.id, "seconds": 0})
        assert await heard_until_stopped(client) == {"owner"}
    await signals.stop()


async def test_a_stranger_learns_of_nobody(live):
    async with connected(live) as client:
        await client.subscribe(LIVE)
        assert await client.refused() == "UNAUTHENTICATED"


async def test_it_is_said_only_so_often(change, refuse, owner, other, monkeypatch):
    monkeypatch.setattr(settings, "typing_per_minute_max", 2)
    for _ in range(2):
        await change("sendTyping", viewer=owner, receiverId=ids.encode(other.user))
    answer = await refuse("sendTyping", viewer=owner, receiverId=ids.encode(other.user))
    assert answer["code"] == "RATE_LIMITED"


async def test_it_costs_a_sender_two_statements_and_a_listener_one(live, database, say, owner, other, statements):
    async with connected(live, other) as client:
        await client.subscribe(LIVE)
        await heard_first(client, say, owner, other)
        await say(owner, other, is_typing=False)
        await heard_until_stopped(client)
        statements.clear()
        await say(owner, other)
        await client.next()
        assert len(statements) == 3


ODD = [{}, {"user": "7", "seconds": 6}, {"user": None, "seconds": 6}, {"user": 2**70, "seconds": 6}, {"user": 7}]


async def test_a_signal_that_makes_no_sense_ends_no_subscription(live, say, redis_url, owner, other):
    async with connected(live, owner) as client:
        await client.subscribe(LIVE)
        await heard_first(client, say, other, owner)
        with Redis.from_url(redis_url) as redis:
            for payload in [*ODD, {"user": other.id, "seconds": 2**40}]:
                redis.publish(CHANNEL, json.dumps([f"typing:{owner.id}", payload]))
        await say(other, owner, is_typing=False)
        assert await heard_until_stopped(client) == {"other"}
