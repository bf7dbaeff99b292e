"""What is old goes in small steps, by one worker at a time, and no deed keeps another from being done."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import false, func, select, text
from structlog.testing import capture_logs

from app.models.kinds.mapping import MappingJob
from app.models.kinds.system import SystemJob
from app.models.system import Event, Job, JobState
from app.services.system import pruning
from app.settings import settings
from jobs import housekeeping
from jobs.housekeeping import run_housekeeping
from tests import factories

BACKLOG = """
INSERT INTO events (topic, payload, created_at)
SELECT 't', '{}', now() - interval '30 days' + number * interval '1 ms' FROM generate_series(1, :count) AS number
"""


async def heap_up(database, count):
    async with database.writing() as session:
        await session.execute(text(BACKLOG), {"count": count})


async def count_of(database, table):
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(table))


@pytest.mark.parametrize("name", pruning.KINDS)
async def test_every_kind_of_old_rows_can_be_counted_and_removed(name, database):
    async with database.reading() as session:
        assert await pruning.waiting(session, name) == 0
    assert await pruning.prune(database, name) == 0


async def test_a_backlog_goes_in_small_transactions(database, monkeypatch):
    monkeypatch.setattr(settings, "prune_rows_max", 100)
    await heap_up(database, 1_001)
    begun, transactions = database.writing, []

    def writing():
        transactions.append(1)
        return begun()

    monkeypatch.setattr(database, "writing", writing)
    async with database.reading() as session:
        assert await pruning.waiting(session, "events") == 1_000
    assert await pruning.prune(database, "events") == 1_000
    assert (await count_of(database, Event), len(transactions)) == (1, 11)  # the last old one is a witness


async def test_what_is_removed_is_not_sent_back(database, statements):
    await heap_up(database, 3)
    await factories.job(
        database, kind=SystemJob.SEND_MAIL, state=JobState.DONE, finished_at=datetime(2020, 1, 1, tzinfo=UTC)
    )
    statements.clear()
    assert await pruning.prune(database, "jobs") == 1
    [removing] = [statement for statement in statements if "DELETE FROM" in statement]
    assert "RETURNING" not in removing


async def test_a_row_that_somebody_holds_is_left_for_the_next_turn(database):
    await heap_up(database, 5)
    async with database.writing() as session:
        [held, *_] = await session.scalars(select(Event).order_by(Event.id).limit(1).with_for_update())
        assert await pruning.prune(database, "events") == 3
        assert held is not None
    assert await pruning.prune(database, "events") == 1


async def test_jobs_that_nothing_shows_go_and_others_stay(database):
    long_ago = datetime.now(UTC) - timedelta(days=settings.jobs_kept_days + 1)
    kept = [
        await factories.job(database, kind=SystemJob.SEND_MAIL, state=JobState.DONE, finished_at=datetime.now(UTC)),
        await factories.job(database, kind=SystemJob.SEND_MAIL),
        await factories.job(database, kind=MappingJob.TRAIN, state=JobState.DONE, finished_at=long_ago),
    ]
    for state in pruning.ENDED:
        await factories.job(database, kind=SystemJob.SEND_MAIL, state=state, finished_at=long_ago)
    assert await pruning.prune(database, "jobs") == 3
    async with database.reading() as session:
        assert set(await session.scalars(select(Job.id))) == {job.id for job in kept}


async def test_a_deed_that_fails_or_never_ends_keeps_no_other_from_being_done(database, monkeypatch):
    done = []

    async def fails(_database):
        raise RuntimeError("a mistake")

    async def never_ends(_database):
        await asyncio.sleep(3_600)

    async def works(_database):
        done.append(1)

    monkeypatch.setattr(housekeeping, "TASKS", {"a": fails, "b": never_ends, "c": works})
    monkeypatch.setattr(settings, "housekeeping_s_max", 0.1)
    await run_housekeeping(database)
    await run_housekeeping(database)
    assert done == [1, 1]


async def test_what_found_nothing_to_do_says_nothing(database, monkeypatch):
    async def nothing(_database):
        return 0

    async def three(_database):
        return 3

    monkeypatch.setattr(housekeeping, "TASKS", {"idle": nothing, "busy": three})
    with capture_logs() as logs:
        await run_housekeeping(database)
    assert logs == [{"event": "housekeeping done", "task": "busy", "rows": 3, "log_level": "info"}]


async def test_one_worker_keeps_house_at_a_time(database, monkeypatch):
    begun, go_on, turns = asyncio.Event(), asyncio.Event(), []

    async def slow(_database):
        turns.append(1)
        begun.set()
        await go_on.wait()

    monkeypatch.setattr(housekeeping, "TASKS", {"slow": slow})
    first = asyncio.create_task(run_housekeeping(database))
    await begun.wait()
    await run_housekeeping(database)
    assert turns == [1]
    go_on.set()
    await first
    await run_housekeeping(database)
    assert turns == [1, 1]


async def test_every_register_is_part_of_the_house(monkeypatch):
    assert set(pruning.KINDS) <= set(housekeeping.TASKS)
    for register in (pruning.KINDS, housekeeping.TASKS):
        monkeypatch.setitem(register, "late", None)
        monkeypatch.delitem(register, "late")

    @pruning.prunable("late", Event)
    async def late(_session):
        return false()

    assert "late" in housekeeping.TASKS
