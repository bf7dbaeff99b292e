"""What the work really was is charged, whatever became of the request."""

import asyncio
import contextlib
import gc
import os
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from app.rates import Rates
from app.security import credentials
from app.settings import settings
from app.telemetry import metering
from app.telemetry.metering import Work, current, timed
from app.web.graphql.operations.bill import EVENT_POINTS_MAX, POINT_BYTES, POINT_S, Bill, event_points
from app.web.graphql.operations.budget import Budget
from tests.silence import PATIENCE_S

# Ends by itself, should the test not come to its end.
SPIN = "import time\nend = time.time() + 20\nwhile time.time() < end: pass"
RATE_LIMIT, POLICY = "ratelimit", "ratelimit-policy"


@pytest.fixture
async def budget(redis_url):
    rates = Rates(redis_url)
    yield Budget(rates)
    await rates.close()


@pytest.fixture
async def client(serve, budget):
    async with (
        serve(budget=budget) as served,
        httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=PATIENCE_S) as client,
    ):
        yield client


async def post(client, query, token="viewer-1", **variables):
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return await client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)


def busy(seconds: float) -> None:
    """Works for so long, however long that takes on a busy machine."""
    end = metering.thread_time() + seconds
    while metering.thread_time() < end:
        pass


@contextlib.contextmanager
def busy_processes(number: int):
    """Others on this machine, which take its processors."""
    others = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(number)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


async def test_steps_of_a_coroutine_are_timed_and_waiting_is_not():
    async def steps():
        busy(0.02)
        await asyncio.sleep(0.2)
        busy(0.02)
        return "done"

    found = Work()
    assert await timed(steps(), found) == "done"
    assert 0.04 <= found.loop_s + metering.LONG_S < 0.2


async def test_what_is_raised_or_cancelled_is_timed_as_well():
    async def failing():
        busy(0.01)
        raise ValueError("wrong")

    async def waiting():
        busy(0.01)
        await asyncio.sleep(60)

    failed, cancelled = Work(), Work()
    with pytest.raises(ValueError, match="wrong"):
        await timed(failing(), failed)

    async def cut_short():
        await timed(waiting(), cancelled)

    task = asyncio.create_task(cut_short())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert failed.loop_s + metering.LONG_S >= 0.01
    assert cancelled.loop_s + metering.LONG_S >= 0.01


async def test_tasks_that_are_begun_for_a_request_are_timed_with_it():
    async def child():
        await asyncio.sleep(0)
        busy(0.01)

    async def request():
        await asyncio.gather(child(), child())

    found = Work()
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()
    token = current.set(found)
    try:
        with metering.timed_tasks():
            await timed(request(), found)
    finally:
        current.reset(token)
        loop.set_task_factory(before)
    assert found.loop_s >= 0.02


async def test_a_task_that_is_cancelled_before_it_began_leaves_no_coroutine():
    async def child(_cycle):
        raise AssertionError

    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()
    token = current.set(Work())
    try:
        with metering.timed_tasks():
            cycle = []  # with the frames of its error, which the collector of garbage finds at once
            cycle.append(asyncio.create_task(child(cycle)))
            cycle[0].cancel()
            with pytest.raises(asyncio.CancelledError) as raised:
                await cycle[0]
            cycle.append(raised.value)
            del cycle, raised
            gc.collect()  # a warning of a coroutine that was never awaited fails the test
    finally:
        current.reset(token)
        loop.set_task_factory(before)


async def test_time_in_threads_is_charged():
    found = Work()
    token = current.set(found)
    try:
        await metering.in_thread(sum, range(2_000_000))
    finally:
        current.reset(token)
    assert found.threads_s > 0
    assert found.loop_s == 0


@pytest.fixture
def hashing(monkeypatch, production_hashes):
    """Hashes as in production; the meter must not remember how cheap others were."""
    monkeypatch.setattr(credentials, "_hashes", production_hashes)
    monkeypatch.setattr(credentials, "_meter", credentials._Meter())


@pytest.mark.usefixtures("hashing")
async def test_hashing_a_password_is_charged_with_the_threads_of_argon2():
    password_hash = await credentials.hash_password("a long password")
    for each in (credentials.hash_password("x"), credentials.password_matches("x", password_hash)):
        found = Work()
        token, began = current.set(found), time.process_time()
        try:
            await each
        finally:
            current.reset(token)
        assert found.threads_s > (time.process_time() - began) / 3


@pytest.mark.usefixtures("hashing")
async def test_a_hash_that_cannot_be_read_makes_later_ones_no_cheaper():
    await credentials.hash_password("a long password")
    assert not await credentials.password_matches("x", "no hash")
    found = Work()
    token = current.set(found)
    try:
        await credentials.hash_password("x")
    finally:
        current.reset(token)
    assert found.threads_s > 0.01


async def test_time_and_bytes_become_points(budget):
    bill = Bill(budget, "192.0.2.1")
    bill.requested = 7
    bill.database_s = 100 * POINT_S
    bill.settle(bytes_out=50 * POINT_BYTES)
    assert bill.actual == 7 + 151
    assert budget.purse(None, "192.0.2.1").left == -151
    bill.settle(bytes_out=10 * POINT_BYTES)
    assert bill.actual == 7 + 161


async def test_an_answer_tells_what_it_cost_and_what_is_left(client):
    first = (await post(client, "{ items(first: 5) { nodes { id } } }")).json()["extensions"]["cost"]
    second = (await post(client, "{ items(first: 5) { nodes { id } } }")).json()["extensions"]["cost"]
    assert first["requested"] == 7
    assert first["actual"] > 7
    assert first["max"] == settings.document_cost_max
    assert second["remaining"] == pytest.approx(first["remaining"] - second["actual"], abs=2)
    assert 0 < second["reset"] <= 120


@pytest.mark.parametrize("token", ["viewer-1", None])
async def test_headers_say_the_same(client, token):
    response = await post(client, "{ greeting }", token=token)
    payer, limit = ("viewer", 400_000) if token else ("address", 800_000)
    cost = response.json()["extensions"]["cost"]
    assert response.headers[POLICY] == f'"{payer}";q={limit};w=60'
    assert response.headers[RATE_LIMIT] == f'"{payer}";r={cost["remaining"]};t={cost["reset"]}'


REFUSED = {
    "a syntax error": "{ greeting",
    "an unknown field": "{ nothing }",
    "many unknown fields": "{ " + " ".join(f"f{n}" for n in range(1_000)) + " }",
    "a bad variable": "query($n: Int!) { items(first: $n) { nodes { id } } }",
    "too dear": "{ items(first: 100) { nodes { items(first: 300) { nodes { id } } } } }",
    "a bug": "{ bug }",
}


@pytest.mark.parametrize("query", REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize("token", ["viewer-1", None, "nobody's"])
async def test_a_refusal_is_charged(client, query, token):
    remaining = [int((await post(client, "{ greeting }", token=token)).headers[RATE_LIMIT].split(";")[1][2:])]
    for _ in range(2):
        response = await post(client, query, token=token)
        assert response.json()["extensions"]["cost"]["actual"] > 0
        remaining.append(int(response.headers[RATE_LIMIT].split(";")[1][2:]))
    assert remaining == sorted(set(remaining), reverse=True)


async def test_a_malformed_body_is_charged(client):
    headers = {"content-type": "application/json"}
    found = [
        int((await client.post("/graphql", content=b"{", headers=headers)).headers[RATE_LIMIT].split(";")[1][2:])
        for _ in range(3)
    ]
    assert found == sorted(set(found), reverse=True)


async def test_for_whoever_has_nothing_left_nothing_is_parsed(client, monkeypatch):
    monkeypatch.setattr(settings, "viewer_cost_per_minute_max", 60)
    for number in range(100):
        response = await post(client, "{ " + " ".join(f"f{number}_{n}" for n in range(300)) + " }")
        if response.status_code == 429:
            break
    assert response.status_code == 429
    monkeypatch.setattr("app.web.graphql.documents.cache.parse", None)
    again = await post(client, "{ never seen before }")
    assert again.status_code == 429
    assert int(again.headers["retry-after"]) >= 1


async def test_what_is_owed_is_paid_before_anything_else(budget, monkeypatch):
    monkeypatch.setattr(settings, "viewer_cost_per_minute_max", 1_000)
    purse = budget.purse(1, "a")
    await budget.spend(1, "a", 1)
    purse.charge(5_000)  # more than a minute gives
    for _ in range(2):
        with pytest.raises(Exception, match="is used up"):
            await budget.spend(1, "a", 1)
    assert -5_000 < purse.left < 0
    assert purse.standing().remaining == 0


async def test_operations_on_a_socket_are_charged(serve, budget, connect):
    async with serve(budget=budget) as served, connect(served.socket_url) as talk:
        await talk.init(token="viewer-1")
        left = []
        for number, query in enumerate(("{ greeting }", "{ nothing }", "{ greeting }")):
            await talk.subscribe(str(number), query)
            said = await talk.receive()
            if said["type"] == "next":
                left.append(said["payload"]["extensions"]["cost"]["remaining"])
                await talk.receive()
        assert left[1] < left[0] - 1


async def test_a_streams_events_are_charged(serve, budget, connect):
    async with serve(budget=budget) as served, connect(served.socket_url) as talk:
        await talk.init(token="viewer-1")
        await talk.subscribe("1", "subscription { count(to: 20) }")
        while (await talk.receive())["type"] != "complete":
            pass
        await talk.subscribe("2", "{ greeting }")
        said = await talk.receive()
    spent = settings.viewer_cost_per_minute_max - said["payload"]["extensions"]["cost"]["remaining"]
    assert spent > 11 + 1


async def test_a_step_that_had_no_processor_is_charged_for_its_work_alone():
    async def steps():
        time.sleep(0.1)  # noqa: ASYNC251 - as if the kernel ran somebody else
        busy(0.02)

    found = Work()
    await timed(steps(), found)
    assert 0.02 <= found.loop_s + metering.LONG_S < 0.08


async def test_a_step_under_way_that_had_no_processor_is_charged_for_its_work_alone(budget):
    bill = Bill(budget, "192.0.2.1")

    async def steps():
        time.sleep(0.1)  # noqa: ASYNC251
        bill.settle()

    await timed(steps(), bill)
    assert bill.actual < 0.05 / POINT_S


# The last is the clock of a thread that began after the one that was read first.
@pytest.mark.parametrize(("waited_s", "charged_s"), [(0.0, 0.1), (0.02, 0.06), (0.09, 0.01), (-5.0, 0.1)])
async def test_waiting_for_a_processor_is_taken_off_a_statement(monkeypatch, waited_s, charged_s):
    ready_s = 0.0
    monkeypatch.setattr(metering._Loop, "ready_now_s", lambda _: ready_s)
    monkeypatch.setattr(metering, "perf_counter", lambda: now)
    now, found = 1.0, Work()
    asked = found.asked()[0], 0.0
    now, ready_s = 1.1, waited_s
    found.answered(asked)
    assert found.database_s == pytest.approx(charged_s)
    found.answered(asked, s_max=0.001)
    assert found.database_s == pytest.approx(charged_s + 0.001)


async def test_a_busy_machine_makes_a_query_little_dearer(client):
    async def price() -> float:
        answers = [await post(client, "{ items(first: 20) { nodes { id name } } }") for _ in range(25)]
        return statistics.median(answer.json()["extensions"]["cost"]["actual"] for answer in answers)

    await price()
    alone = await price()
    with busy_processes(2 * (os.cpu_count() or 1)):
        beside_others = await price()
    assert beside_others < 3 * alone


async def test_events_that_are_told_to_several_are_charged_to_each(serve, budget, connect):
    news = 'subscription { news(topic: "village") { cursor text } }'
    async with serve(budget=budget) as served, connect(served.socket_url) as one, connect(served.socket_url) as other:
        # One token: who listens with the same rights is told together.
        for talk in one, other:
            await talk.init(token="viewer-1")
            await talk.subscribe("1", news)
            assert (await talk.receive())["type"] == "next"
        purse = budget.purse(1, "127.0.0.1")
        await asyncio.sleep(0.1)
        left = purse.left
        served.journal.wire.executed = 0
        served.journal.wire.say("village", "x" * 50 * POINT_BYTES)
        for talk in one, other:
            assert (await talk.receive())["type"] == "next"
        assert served.journal.wire.executed == 1
    assert 2 * 50 <= left - purse.left <= 2 * EVENT_POINTS_MAX


@pytest.mark.parametrize(("work_s", "members", "bytes_out", "points"), [(1, 1_000, 10, 21), (0, 9, 10**9, 1_000)])
def test_an_event_costs_each_member_its_part_and_not_more_than_its_bound(work_s, members, bytes_out, points):
    assert event_points(work_s, members, bytes_out) == points


def test_the_clocks_outlive_the_thread_that_was_read_first():
    """Servers of tests run in threads of their own, one after the other."""
    clock = metering._Loop()
    first = threading.Thread(target=clock.read, args=(0.0,))
    first.start()
    first.join()
    # Python sees the end of a thread some moments before the kernel does.
    while Path(f"/proc/self/task/{first.native_id}").exists():
        time.sleep(0.001)
    assert clock.ready_now_s() >= 0
