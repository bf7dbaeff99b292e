"""Signals reach who listens in every process, and an outage of Redis costs signals and nothing else."""

import asyncio
from contextlib import aclosing, asynccontextmanager

import pytest
from redis import Redis

from app.events.positions import Position
from app.events.signals import CHANNEL, Signals

NOWHERE = "redis://127.0.0.1:1/0"


@asynccontextmanager
async def running(redis_url):
    signals = Signals(redis_url)
    await signals.start()
    try:
        yield signals
    finally:
        await signals.stop()


@asynccontextmanager
async def following(signals, topic):
    """What is received on a topic, from now on."""
    async with aclosing(signals.follow(topic, signals.now())) as events:
        first = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)  # so that it follows
        yield first, events


async def test_who_follows_a_topic_in_any_process_receives_it_once_and_in_order(redis_url):
    async with (
        running(redis_url) as one,
        running(redis_url) as another,
        following(one, "a") as near,
        following(another, "a") as far,
    ):
        await one.send("b", {"number": 0})
        for number in (1, 2):
            await another.send("a", {"number": number})
        for first, rest in (near, far):
            received = [await asyncio.wait_for(first, 30), await asyncio.wait_for(anext(rest), 120)]
            assert [event.payload["number"] for event in received] == [1, 2]
            assert received[0].position < received[1].position


async def test_who_comes_later_receives_nothing_of_before(redis_url):
    async with running(redis_url) as signals:
        async with following(signals, "a") as (first, _):
            await signals.send("a", {"number": 1})
            await first
        async with following(signals, "a") as (first, _):
            await signals.send("a", {"number": 2})
            assert (await asyncio.wait_for(first, 120)).payload == {"number": 2}


async def test_stopping_ends_who_follows(redis_url):
    async with running(redis_url) as signals, following(signals, "a") as (first, _):
        await signals.stop()
        with pytest.raises(StopAsyncIteration):
            await first


async def test_a_dropped_connection_is_made_again(redis_url):
    async with running(redis_url) as signals, following(signals, "a") as (first, _):
        with Redis.from_url(redis_url) as redis:
            redis.client_kill_filter(_type="pubsub", skipme=True)
        while not first.done():
            await signals.send("a", {})
            await asyncio.wait({first}, timeout=0.2)
        assert first.result().topic == "a"


async def test_without_redis_nothing_is_received_and_nothing_fails(monkeypatch):
    monkeypatch.setattr("app.events.signals.START_S_MAX", 0.1)
    async with running(NOWHERE) as signals:
        await signals.send("a", {})
        assert signals.now() == Position(0, 0)


NONSENSE = [b"", b"\xff", b"7", b"[]", b"[1]", b"{}", b'["a"]', b'["a", 7]', b'[7, {"number": 0}]', b"null"]


async def test_what_is_no_signal_costs_nobody_the_next_one(redis_url):
    async with running(redis_url) as signals, following(signals, "a") as (first, _):
        with Redis.from_url(redis_url) as redis:
            for message in NONSENSE:
                redis.publish(CHANNEL, message)
        await signals.send("a", {"number": 1})
        assert (await asyncio.wait_for(first, 120)).payload == {"number": 1}
        assert [task.trouble for task in signals.background] == [None]
