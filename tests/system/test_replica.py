"""Queries read at a replica, and whoever has just written reads what they wrote: on a real streaming standby."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import select, update

from app.main import build
from app.models.accounts import User
from app.models.mapping.datasets import Dataset
from app.operations import doctor
from app.security import credentials
from app.settings import settings
from resolvers import ids
from tests import factories
from tests.fixtures import Answer
from tests.proxy import before_database, before_redis
from tests.servers import api_process, serving_aside
from tests.standby import standby_of
from tests.system.clients import connected

ONE = "query ($id: ID!) { dataset(id: $id) { name } }"
LIST = "{ datasets(first: 50) { totalCount nodes { name user { username } } } }"
ME = "{ me { sessions(first: 5) { totalCount nodes { id } } } }"
CHANGE = """mutation ($id: ID!, $name: String!) {
  updateDataset(input: { id: $id, name: $name }) { ... on Dataset { name } ... on Problem { message } }
}"""
SIGN_IN = """mutation ($email: String!, $password: String!) {
  signIn(input: { email: $email, password: $password }) { ... on SignedIn { token } ... on Problem { message } }
}"""
POST = 'mutation { createPost(input: { content: "It rains." }) { ... on Post { content } ... on Problem { message } } }'
FEED = "subscription { feedUpdated { post { content author { username } } } }"


@pytest.fixture(scope="module")
def standby(servers):
    with standby_of(servers) as standby:
        yield standby


@pytest.fixture
def replica(standby, database_url, redis_url, monkeypatch):
    """A standby that the APIs of this test read at, however far it lags."""
    monkeypatch.setattr(settings, "reader_url", standby.url())
    monkeypatch.setattr(settings, "reader_lag_s_max", 600)
    yield standby
    standby.resume()


@pytest.fixture
async def dataset(database, owner):
    return await factories.dataset(database, owner.id, name="before")


async def ask(api, document, viewer=None, **variables):
    headers = {"Authorization": f"Bearer {viewer.token}"} if viewer else {}
    async with httpx.AsyncClient(timeout=60) as http:
        body = {"query": document, "variables": variables}
        return Answer(await http.post(f"{api.url}/graphql", json=body, headers=headers))


async def name_of(api, dataset, viewer=None):
    """As a list has it, which waits for its turn, and as a row by its key, which hurries."""
    listed = (await ask(api, LIST, viewer))["datasets"]["nodes"][0]["name"]
    for _ in range(3):
        assert (await ask(api, ONE, viewer, id=ids.encode(dataset)))["dataset"] == {"name": listed}
    return listed


async def rename(api, dataset, viewer, name):
    """By the API, which knows who did it."""
    answer = await ask(api, CHANGE, viewer, id=ids.encode(dataset), name=name)
    assert answer["updateDataset"] == {"name": name}, answer.errors


async def rename_unseen(database, name):
    """By nobody whom an API knows."""
    async with database.writing() as session:
        await session.execute(update(Dataset).values(name=name))


async def stands(api):
    """What /readyz says of the replica; the API is ready, whatever that is."""
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"{api.url}/readyz")
        assert answer.status_code == 200, answer.text
        return answer.json()["checks"].get("replica")


@pytest.fixture
def becomes(eventually):
    """Waits until an API reads at the replica, or does not any more."""

    async def becomes(api, *, read):
        async def is_so():
            return await stands(api) is read

        await eventually(is_so)

    return becomes


@pytest.fixture
def reading_api(becomes):
    """An API of this process that reads at the replica by now, and knows of no other's changes."""

    @asynccontextmanager
    async def reading_api(**how):
        async with serving_aside(build(**how).app) as api:
            await becomes(api, read=True)
            yield api

    return reading_api


# Where it is read


async def test_queries_are_read_at_the_replica(replica, database, dataset, owner, reading_api, eventually):
    async with reading_api() as api:
        replica.pause()
        await rename_unseen(database, "after")
        async with httpx.AsyncClient() as http:
            body = {"query": ONE, "variables": {"id": ids.encode(dataset)}}
            for _ in range(3):
                answer = (await http.post(f"{api.url}/graphql", json=body)).json()
                assert answer["data"]["dataset"] == {"name": "before"}
        for viewer in (None, owner):
            assert (await ask(api, LIST, viewer))["datasets"]["nodes"][0]["name"] == "before"
        replica.resume()

        async def is_there():
            return (await ask(api, LIST))["datasets"]["nodes"][0]["name"] == "after"

        await eventually(is_there)


async def test_queries_without_a_plan_are_read_there_too(replica, database, dataset, monkeypatch, reading_api):
    async with reading_api(planned=False) as api:
        replica.pause()
        await rename_unseen(database, "after")
        assert (await ask(api, LIST))["datasets"]["nodes"][0]["name"] == "before"


async def test_without_the_setting_nothing_is_asked_of_it(standby, database_url, redis_url, database, dataset, owner):
    async with serving_aside(build().app) as api:
        assert await stands(api) is None
        standby.pause()
        try:
            await rename(api, dataset, owner, "after")
            assert await name_of(api, dataset) == "after"
        finally:
            standby.resume()


# Whoever has just written


async def test_whoever_has_written_reads_it_and_others_may_read_what_was(replica, dataset, owner, other, reading_api):
    async with reading_api() as api:
        replica.pause()
        await rename(api, dataset, owner, "after")
        assert await name_of(api, dataset, owner) == "after"
        assert (await ask(api, LIST, other))["datasets"]["nodes"][0]["name"] == "before"
        assert (await ask(api, LIST))["datasets"]["nodes"][0]["name"] == "before"


async def test_they_read_it_at_every_process(replica, dataset, owner, other, reading_api, becomes):
    settings_there = {"FIELDGRAPH_READER_URL": replica.url(), "FIELDGRAPH_READER_LAG_S_MAX": "600"}
    with api_process(**settings_there) as there:
        await becomes(there, read=True)
        async with reading_api() as here:
            replica.pause()
            await rename(here, dataset, owner, "after")
            assert await name_of(there, dataset, owner) == "after"
            assert (await ask(there, LIST, other))["datasets"]["nodes"][0]["name"] == "before"
            await rename(there, dataset, owner, "later")
            assert await name_of(here, dataset, owner) == "later"


async def test_they_read_at_the_replica_again_once_it_has_what_they_wrote(
    replica, database, dataset, owner, reading_api
):
    async with reading_api() as api:
        await rename(api, dataset, owner, "after")
        replica.pause()  # when it has replayed all of that
        await asyncio.sleep(0.5)
        await rename_unseen(database, "unseen")
        assert (await ask(api, LIST, owner))["datasets"]["nodes"][0]["name"] == "after"


async def test_of_two_changes_at_once_the_later_one_counts(replica, database, dataset, owner, reading_api):
    async with reading_api() as api, reading_api() as other_api:
        replica.pause()
        names = [f"name {number}" for number in range(20)]
        await asyncio.gather(*(rename(api, dataset, owner, name) for name in names))
        async with database.reading() as session:
            last = await session.scalar(select(Dataset.name))
        assert await name_of(other_api, dataset, owner) == last


async def test_whoever_signs_in_is_there(replica, database, owner, reading_api):
    known = await credentials.hash_password(factories.PASSWORD)
    async with database.writing() as session:
        await session.execute(update(User).values(password_hash=known))
    async with reading_api() as api:
        replica.pause()
        signed_in = await ask(api, SIGN_IN, email="owner@fieldgraph.test", password=factories.PASSWORD)
        again = replace(owner, token=signed_in["signIn"]["token"])
        assert (await ask(api, ME, again))["me"]["sessions"]["totalCount"] == 2


async def test_a_change_of_unknown_outcome_is_not_missed(replica, dataset, owner, monkeypatch, reading_api):
    async with before_database(str(settings.database_url)) as (proxy, url):
        monkeypatch.setattr(settings, "database_url", url)
        async with reading_api() as api:
            replica.pause()
            lost = proxy.lose_answer(b"COMMIT; SELECT")
            answer = await ask(api, CHANGE, owner, id=ids.encode(dataset), name="after")
            assert answer.codes == ["OUTCOME_UNKNOWN"]
            assert lost.is_set()
            assert await name_of(api, dataset, owner) == "after"


# Redis


async def test_without_redis_people_read_at_the_primary_and_changes_wait_for_the_replica(
    replica, database, dataset, owner, redis_url, monkeypatch, reading_api
):
    monkeypatch.setattr(settings, "reader_lag_s_max", 2)
    async with before_redis(redis_url) as (proxy, url):
        monkeypatch.setattr(settings, "redis_url", url)
        async with reading_api() as api, reading_api() as far:
            await proxy.cut()
            replica.pause()
            begun = asyncio.get_running_loop().time()
            await rename(api, dataset, owner, "after")
            # No process reads it any more by now.
            assert asyncio.get_running_loop().time() - begun >= 2
            await proxy.mend()
            assert await name_of(far, dataset, owner) == "after"


# What is live


async def test_subscriptions_read_at_the_primary(replica, owner, other, reading_api):
    async with reading_api() as api, connected(api, other) as client:
        await client.subscribe(FEED)
        await client.begun()
        replica.pause()
        await ask(api, POST, owner)
        assert (await client.next())["post"] == {"content": "It rains.", "author": {"username": "owner"}}


# What goes wrong there


async def test_a_replica_that_lags_too_far_is_not_read_until_it_has_caught_up(
    replica, database, dataset, monkeypatch, reading_api, becomes
):
    async with reading_api() as api:
        monkeypatch.setattr(settings, "reader_lag_s_max", 0.5)
        replica.pause()
        await rename_unseen(database, "after")
        await becomes(api, read=False)
        assert await name_of(api, dataset) == "after"
        async with httpx.AsyncClient() as http:
            figures = (await http.get(f"{api.url}/metrics")).text
        [lag] = [line for line in figures.splitlines() if line.startswith("fieldgraph_replica_lag_seconds ")]
        assert float(lag.split()[1]) > 0.5
        replica.resume()
        await becomes(api, read=True)


async def test_a_replica_that_dies_in_the_middle_of_a_request_leaves_it_to_the_primary(
    replica, database, dataset, monkeypatch, reading_api, becomes
):
    async with before_database(replica.url()) as (proxy, url):
        monkeypatch.setattr(settings, "reader_url", url)
        async with reading_api() as api:
            for planned_and_hurried in (LIST, ONE):
                assert (await ask(api, planned_and_hurried, id=ids.encode(dataset))).errors == []
            before = failed()
            proxy.silence()
            asked = asyncio.create_task(ask(api, LIST))
            await asyncio.sleep(1)  # until it has asked, also on a busy machine
            await rename_unseen(database, "after")
            await proxy.cut()
            assert (await asked)["datasets"]["nodes"][0]["name"] == "after"
            assert failed() == before + 1
            assert await name_of(api, dataset) == "after"
            await becomes(api, read=False)
            await proxy.mend()
            await becomes(api, read=True)


def failed():
    labels = {"server": "primary", "why": "replica failed"}
    return REGISTRY.get_sample_value("fieldgraph_query_reads_total", labels) or 0


async def test_unplanned_queries_are_left_to_it_as_well(replica, database, dataset, monkeypatch, reading_api):
    async with before_database(replica.url()) as (proxy, url):
        monkeypatch.setattr(settings, "reader_url", url)
        async with reading_api(planned=False) as api:
            await ask(api, LIST)
            proxy.silence()
            asked = asyncio.create_task(ask(api, LIST))
            await asyncio.sleep(0.05)
            await rename_unseen(database, "after")
            await proxy.cut()
            answer = await asked
            assert answer.errors == []
            assert answer["datasets"]["nodes"][0]["name"] == "after"


async def test_a_replica_that_is_away_at_the_start_is_waited_for_by_nobody(replica, dataset, owner, becomes):
    replica.stop()
    try:
        async with serving_aside(build().app) as api:
            assert await name_of(api, dataset) == "before"
            await rename(api, dataset, owner, "after")
            assert await name_of(api, dataset, owner) == "after"
            assert await stands(api) is False
            replica.start()
            await becomes(api, read=True)
    finally:
        replica.start()


async def test_the_primary_is_no_replica(replica, dataset, monkeypatch):
    monkeypatch.setattr(settings, "reader_url", str(settings.database_url))
    async with serving_aside(build().app) as api:
        await asyncio.sleep(0.5)
        assert await stands(api) is False
        assert await name_of(api, dataset) == "before"


async def test_the_doctor_looks_at_it(replica, standby, monkeypatch):
    [finding] = await asyncio.to_thread(findings)
    assert (finding.message, finding.remedy) == ("queries are read there", None)
    monkeypatch.setattr(settings, "reader_url", str(settings.database_url))
    [finding] = await asyncio.to_thread(findings)
    assert finding.message == "it is no standby: it takes changes itself"
    assert finding.remedy


def findings():
    return [doctor._finding("replica", doctor.LOOKS["replica"])]


async def test_a_replica_that_was_promoted_is_not_read(
    replica, database, dataset, servers, monkeypatch, reading_api, becomes
):
    with standby_of(servers, port=5434) as promoted:
        monkeypatch.setattr(settings, "reader_url", promoted.url())
        async with reading_api() as api:
            promoted.promote()
            await becomes(api, read=False)
            await rename_unseen(database, "after")
            assert await name_of(api, dataset) == "after"
