"""Callbacks are hints: whatever comes, and whenever, it has a job looked at or changes nothing."""

import pytest
from sqlalchemy import select

from app.gateways.fakes.ai_manager import FakeManager
from app.models.system import Job, JobState
from app.models.wildlife.ai_jobs import AIClassificationJob, AIJobBatch, AIJobOutcome, UserRemoteTask
from app.settings import settings
from resolvers import ids
from tests.servers import serving
from tests.wildlife import ai


@pytest.fixture
def manager():
    return FakeManager(ai.one_animal)


@pytest.fixture
async def started(change, database, owner, manager, monkeypatch, tmp_path):
    """A job that was submitted, the path of its callbacks, and what one of them says."""
    with serving(manager) as server:
        for name, value in {"outside_hosts_allowed": [server.host], "home": tmp_path}.items():
            monkeypatch.setattr(settings, name, value)
        season = await ai.season(database, owner, server.url)
        made = await change(
            "startAiClassification",
            viewer=owner,
            collectionId=ids.encode(season.collection),
            providerId=ids.encode(season.provider),
        )
        await ai.follow(database)
        [batch] = manager.batches.values()
        path = batch.submitted["callback_url"].removeprefix("http://fieldgraph.test")
        yield (
            made["id"],
            path,
            {"key": batch.key, "fence": batch.submitted["fence"], "sequence": 1, "event": "progress"},
        )


async def waiting(database):
    """How many looks are queued."""
    async with database.reading() as session:
        return len((await session.scalars(select(Job).where(Job.state == JobState.QUEUED))).all())


async def test_a_callback_has_the_job_looked_at(api, database, started):
    _, path, body = started
    assert (await api.post(path, json=body)).status_code == 204
    assert await waiting(database) == 1


async def test_the_token_may_come_in_a_header(api, database, started):
    _, path, body = started
    plain, _, token = path.partition("?token=")
    assert (await api.post(plain, json=body, headers={"X-Callback-Token": token})).status_code == 204
    assert await waiting(database) == 1


async def test_doubled_and_late_ones_change_nothing(api, database, unchanged, started):
    _, path, body = started
    await api.post(path, json={**body, "sequence": 5})
    await ai.work(database)
    async with unchanged():
        for sequence in (5, 5, 4, 1, 0):
            assert (await api.post(path, json={**body, "sequence": sequence})).status_code == 204
    assert (await api.post(path, json={**body, "sequence": 6})).status_code == 204
    assert await waiting(database) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"fence": 0},
        {"fence": 9},
        {"fence": None},
        {"fence": True},
        {"fence": -1},
        {"fence": 2**70},
        {"sequence": "1"},
        {"sequence": 2**64},
        {"key": "5f0c7a52-1d0f-4a43-9f57-5a3f0a3f6a10"},
        {"key": "no key"},
        {"key": 1},
    ],
)
async def test_what_names_another_start_changes_nothing(api, unchanged, started, changed):
    _, path, body = started
    async with unchanged():
        assert (await api.post(path, json={**body, **changed})).status_code == 204


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b"[" * 5_000])
async def test_what_is_no_callback_changes_nothing(api, unchanged, started, content):
    _, path, _ = started
    async with unchanged():
        assert (await api.post(path, content=content)).status_code == 204


async def test_an_enormous_one_is_refused_unread(api, unchanged, started):
    _, path, _ = started

    async def endless():
        for _ in range(64):
            yield bytes(1_024)

    async with unchanged():
        assert (await api.post(path, content=endless())).status_code == 413


@pytest.mark.parametrize(
    "forge",
    [
        lambda path: path[:-3] + "xyz",
        lambda path: path.partition("?")[0],
        lambda path: path.partition("?")[0] + "?token=",
        lambda path: path.partition("?")[0] + "?token=" + "x" * 5_000,
        lambda path: "/ai/callback/00000000-0000-0000-0000-000000000000?" + path.partition("?")[2],
        lambda path: "/ai/callback/nothing?" + path.partition("?")[2],
    ],
)
async def test_a_forged_one_learns_nothing_and_changes_nothing(api, unchanged, started, forge):
    _, path, body = started
    async with unchanged():
        answer = await api.post(forge(path), json=body)
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["message"] == "There is no such callback."


async def test_after_a_cancellation_none_counts(api, change, database, owner, unchanged, started):
    id, path, body = started
    await change("cancelAiClassification", viewer=owner, id=id)
    await ai.follow(database)
    async with unchanged():
        assert (await api.post(path, json={**body, "sequence": 9})).status_code == 204


async def test_after_a_new_start_the_former_token_is_void(api, database, manager, unchanged, started):
    _, path, body = started
    manager.restart()
    await ai.follow(database)
    async with unchanged():
        assert (await api.post(path, json={**body, "sequence": 9})).status_code == 404


async def test_what_a_callback_says_of_results_is_not_read(api, database, started):
    _, path, body = started
    said = {**body, "event": "completed", "processed": 3, "total": 3, "results": [{"resource_id": "1"}]}
    assert (await api.post(path, json=said)).status_code == 204
    await ai.work(database)
    async with database.reading() as session:
        job = (await session.scalars(select(AIClassificationJob))).one()
        outcomes = (await session.scalars(select(AIJobOutcome))).all()
    assert (job.stage.value, list(outcomes)) == ("SUBMITTED", [])


async def test_callbacks_during_a_look_have_it_looked_at_again(api, database, started):
    _, path, body = started
    await api.post(path, json=body)
    for sequence in (2, 3, 4):
        await api.post(path, json={**body, "sequence": sequence})
    assert await waiting(database) == 1
    await ai.work(database)
    async with database.reading() as session:
        task = (await session.scalars(select(UserRemoteTask))).one()
    assert task.next_poll_at is not None


async def test_callbacks_to_an_api_that_is_away_lose_nothing(database, manager, started):
    await manager.work()  # nobody answers at the address it knows
    assert len(manager.callbacks) >= 3
    await ai.follow(database)
    async with database.reading() as session:
        job = (await session.scalars(select(AIClassificationJob))).one()
        outcomes = (await session.scalars(select(AIJobOutcome))).all()
    assert (job.stage.value, len(outcomes)) == ("DONE", 3)


async def test_no_token_is_kept(database, started):
    _, path, _ = started
    token = path.partition("?token=")[2]
    async with database.reading() as session:
        task = (await session.scalars(select(UserRemoteTask))).one()
        batch = (await session.scalars(select(AIJobBatch))).one()
    kept = [getattr(row, column.key) for row in (task, batch) for column in type(row).__table__.columns]
    assert token not in str(kept)
    assert len(task.token_hash) == 32
