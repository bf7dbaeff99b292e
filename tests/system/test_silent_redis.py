"""Redis that takes connections and never answers: requests, jobs and subscriptions go on, and recover after it."""

import asyncio

import httpx
import pytest
from limits import RateLimitItemPerHour

from app import rates
from app.errors import RateLimited
from app.main import build
from app.models.accounts import User
from app.models.kinds.mapping import MappingJob
from app.models.system import JobState
from app.rates import Rates
from app.settings import settings
from jobs import broker
from jobs.run import JobRun, Work
from jobs.schedule import clockwork
from resolvers import ids
from tests import factories
from tests.proxy import before_redis
from tests.servers import serving_aside
from tests.silence import PATIENCE_S, in_time, shorten_deadlines
from tests.system.clients import connected

TOLD = "subscription { notificationReceived { notification { message } } }"


@pytest.fixture
async def mute(database_url, redis_url, monkeypatch):
    """A Redis that says nothing from its first connection on; `speak()` ends that."""
    shorten_deadlines(monkeypatch)
    monkeypatch.setattr(rates, "PAUSE_S", 0.5)
    async with before_redis(redis_url) as (proxy, url):
        monkeypatch.setattr(settings, "redis_url", url)
        proxy.silence()
        yield proxy
        proxy.speak()


@pytest.fixture
async def api(mute):
    """The API, started while Redis says nothing."""
    async with serving_aside(build().app) as api:
        yield api


async def posted(api, viewer, query):
    headers = {"Authorization": f"Bearer {viewer.token}"}
    async with httpx.AsyncClient(base_url=api.url, trust_env=False, timeout=PATIENCE_S) as http:
        return (await http.post("/graphql", json={"query": query}, headers=headers)).json()


async def test_requests_are_answered(api, owner):
    read = await in_time(posted(api, owner, "{ me { username } rateLimit { remaining } }"))
    assert read["data"]["me"] == {"username": owner.user.username}
    # What is counted by the hour and what starts a job asks Redis, too.
    for query in (
        'mutation { createApiKey(input: {name: "n", scopes: [READ]}) { __typename } }',
        "mutation { exportMyData { __typename } }",
    ):
        changed = await in_time(posted(api, owner, query))
        assert "data" in changed, changed
        [answer] = changed["data"].values()
        assert answer["__typename"] not in {"InvalidInput", "Unavailable"}, changed
        assert "errors" not in changed


async def test_a_subscription_gets_its_events_in_order_before_and_after(api, mute, owner, database):
    async with connected(api, owner) as client:
        await client.subscribe(TOLD)
        await client.begun()
        await factories.notify(database, owner, "silent")
        assert (await in_time(client.next()))["notification"]["message"] == "silent"
        mute.speak()
        await factories.notify(database, owner, "speaking")
        assert (await in_time(client.next()))["notification"]["message"] == "speaking"


async def test_what_is_sent_through_redis_alone_is_refused_or_dropped_in_time(api, owner, other, database):
    await factories.befriend(database, owner.id, other.id)
    receiver = ids.encode_key(User, other.id)
    said = await in_time(
        posted(api, owner, f'mutation {{ sendTyping(input: {{userId: "{receiver}"}}) {{ __typename }} }}')
    )
    assert all(error["extensions"]["code"] == "UNAVAILABLE" for error in said.get("errors", []))


async def test_a_worker_finds_the_job_by_itself(mute, database, monkeypatch):
    done = []

    async def do(run: JobRun):
        async with run.ending():
            done.append(run.claim.job_id)

    async def failed(*_):
        pytest.fail("the job failed")

    monkeypatch.setattr(broker, "WORKS", {MappingJob.TRAIN: Work(MappingJob.TRAIN, do, failed)})
    job = await factories.job(database)
    runner = broker.Runner(database)
    search, *_ = [task for task in clockwork(runner) if task.name == "job search"]
    search.start()

    async def is_done():
        async with database.reading() as session:
            return (await session.get_one(type(job), job.id)).state is JobState.DONE

    try:
        await until(is_done)
    finally:
        await search.stop()
        await in_time(runner.left())
    assert len(done) == 1


async def test_counting_begins_again_when_it_speaks(mute):
    counts, limit = Rates(settings.redis_url), RateLimitItemPerHour(1)
    for _ in range(5):  # an outage of the counter is not one of the service
        await in_time(counts.take(limit, "ann", what="One an hour."))
    mute.speak()

    async def is_refused():
        try:
            await in_time(counts.take(limit, "ann", what="One an hour."))
        except RateLimited as refused:
            return "One an hour." in refused.message
        return False

    await until(is_refused)
    await counts.close()


async def until(condition):
    async with asyncio.timeout(PATIENCE_S):
        while not await condition():  # noqa: ASYNC110 - other processes' doing has no event here
            await asyncio.sleep(0.05)
