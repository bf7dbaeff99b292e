"""When a waiting job's turn comes, and how much there is to do."""

from datetime import UTC, datetime, timedelta

import pytest

from app.models.kinds import JobKind, Lane
from app.models.kinds.mapping import MappingJob
from app.models.system import JobState
from app.settings import settings
from resolvers import ids
from tests import factories

NOW = datetime.now(UTC)


@pytest.fixture
def job(database, owner):
    async def job(state=JobState.QUEUED, kind=MappingJob.TRAIN, lasted_s: float | None = None, **fields):
        if lasted_s is not None:
            fields |= {"started_at": NOW - timedelta(seconds=lasted_s), "finished_at": NOW}
        return await factories.job(database, state=state, kind=kind, **{"user_id": owner.id, **fields})

    return job


@pytest.fixture
def turn(ask, database, owner):
    """What the training behind a job says of its turn."""

    async def turn(job) -> tuple[int | None, float | None]:
        model = await factories.model(database, await factories.dataset(database, owner.id))
        training = await factories.training(database, model, job_id=job.id)
        document = "query ($id: ID!) { training(id: $id) { job { queuePosition expectedWaitS } } }"
        found = (await ask(document, viewer=owner, id=ids.encode(training)))["training"]["job"]
        return found["queuePosition"], found["expectedWaitS"]

    return turn


async def test_the_wait_is_what_runs_still_and_what_is_queued_before(job, turn):
    for lasted_s in (10, 100, 1_000):
        await job(JobState.DONE, lasted_s=lasted_s)
    await job(JobState.DONE, MappingJob.PREDICT, lasted_s=20)
    await job(JobState.FAILED, lasted_s=5_000)
    await job(JobState.RUNNING, eta_s=30.0, started_at=NOW)
    first, second, third = await job(), await job(kind=MappingJob.PREDICT), await job()
    assert await turn(first) == (1, 30.0)
    assert await turn(second) == (2, 130.0)
    assert await turn(third) == (3, 150.0)


async def test_two_that_run_side_by_side_share_the_wait(job, turn):
    await job(JobState.DONE, lasted_s=100)
    for _ in range(2):
        await job(JobState.RUNNING, eta_s=40.0, started_at=NOW)
    assert await turn(await job()) == (1, 40.0)


async def test_one_that_runs_and_does_not_say_how_long_takes_as_long_as_usual(job, turn):
    await job(JobState.DONE, lasted_s=3_600)
    await job(JobState.RUNNING, started_at=datetime.now(UTC) - timedelta(seconds=600))
    position, wait_s = await turn(await job())
    assert (position, wait_s) == (1, pytest.approx(3_000, abs=60))


async def test_what_cannot_be_known_is_not_told(job, turn):
    waiting = await job()
    assert await turn(waiting) == (1, None)  # nothing runs: perhaps nobody is there
    await job(JobState.RUNNING, started_at=NOW)
    assert await turn(waiting) == (1, None)  # and how long these take, nobody knows yet


@pytest.mark.parametrize("state", [state for state in JobState if state is not JobState.QUEUED])
async def test_what_does_not_wait_has_no_turn(job, turn, state):
    assert await turn(await job(state, started_at=NOW)) == (None, None)


@pytest.mark.parametrize("kind", JobKind)
async def test_a_place_is_told_within_the_lane_but_of_quick_work(kind, job, turn):
    await job(kind=kind)
    for other in JobKind:
        if other.lane is not kind.lane:
            await job(kind=other)
    assert (await turn(await job(kind=kind)))[0] == (None if kind.lane is Lane.QUICK else 2)


async def test_the_queues_load_is_told(ask, job):
    await job(JobState.DONE, lasted_s=100)
    await job(JobState.RUNNING)
    await job()
    await job()
    heavy = {kind.name for kind in JobKind if kind.lane is Lane.HEAVY}
    none = {"queued": 0, "running": 0, "usualS": None}
    loads = {
        load.pop("kind"): load for load in (await ask("{ queueLoads { kind queued running usualS } }"))["queueLoads"]
    }
    assert loads == dict.fromkeys(heavy, none) | {"TRAIN": {"queued": 2, "running": 1, "usualS": pytest.approx(100)}}


async def test_many_turns_take_few_statements(ask, database, owner, job, statements):
    dataset = await factories.dataset(database, owner.id)
    for _ in range(9):
        await factories.training(database, await factories.model(database, dataset), job_id=(await job()).id)
    statements.clear()
    answer = await ask("{ trainings(orderBy: OLDEST) { nodes { job { queuePosition } } } }")
    positions = [node["job"]["queuePosition"] for node in answer["trainings"]["nodes"]]
    assert positions == list(range(1, 10))
    assert len(statements) <= 6 + sum(kind.lane is Lane.HEAVY for kind in JobKind)


async def test_only_so_many_places_are_counted(job, turn, monkeypatch):
    monkeypatch.setattr(settings, "queue_positions_max", 3)
    await job(JobState.DONE, lasted_s=100)
    await job(JobState.RUNNING, eta_s=40.0, started_at=NOW)
    waiting = [await job() for _ in range(5)]
    assert [(await turn(each))[0] for each in waiting] == [1, 2, 3, 4, 4]
    assert (await turn(waiting[2]))[1] == 240.0
    assert (await turn(waiting[3]))[1] is None
