"""A job is one holder's at a time, and ends once."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from dramatiq.brokers.redis import RedisBroker
from redis import Redis
from sqlalchemy import inspect, select

from app import events, queue
from app.errors import Conflict
from app.models.kinds import Lane
from app.models.kinds.mapping import MappingJob
from app.models.system import Event, Job, JobState
from app.services.system import jobs as jobs_service
from app.services.system.jobs import LeaseLost, Progress
from app.settings import settings
from tests import factories

SECOND = timedelta(seconds=1)
HOUR_S = 3_600
HALF = Progress(0.5, "training", "Half of it.", eta_s=60)


def columns(row):
    return {column.key: getattr(row, column.key) for column in inspect(row).mapper.column_attrs}


def ago(seconds):
    return datetime.now(UTC) - timedelta(seconds=seconds)


async def test_of_twenty_who_begin_a_job_one_gets_it(job, begin, found):
    claims = await asyncio.gather(*(begin(job) for _ in range(20)))
    [claim] = [claim for claim in claims if claim]
    assert (claim.job_id, claim.subject_id, claim.fence, claim.attempt, claim.attempts_max) == (job.id, 1, 1, 1, 3)
    now = await found(job)
    assert (now.state, now.attempt, now.fence) == (JobState.RUNNING, 1, 1)
    assert now.lease_until - now.started_at == settings.job_lease_s * SECOND


async def test_a_held_job_cannot_be_begun_by_another(job, begin):
    assert await begin(job)
    assert await begin(job) is None


LATE_DEEDS = {
    "beat": jobs_service.beat,
    "report": lambda session, claim: jobs_service.report(session, claim, HALF),
    "end well": lambda session, claim: jobs_service.end(session, claim, JobState.DONE),
    "end badly": lambda session, claim: jobs_service.end(session, claim, JobState.FAILED, "It broke."),
    "hold": jobs_service.hold,
    "get on": jobs_service.got_on,
}
SILENT_DEEDS = {
    "hand back": jobs_service.return_unfinished,
    "set back": lambda session, claim: jobs_service.set_back(session, claim, error="The disk is full."),
    "try later": lambda session, claim: jobs_service.try_later(session, claim, after_s=5, error="It broke."),
}


@pytest.fixture(params=["overtaken", "done", "abandoned"])
async def late(request, job, begin, do, change_job, lose):
    """The claim of a holder whose time has passed."""
    claim = await begin(job)
    if request.param == "done":
        await do(jobs_service.end, claim, JobState.DONE)
        return claim
    if request.param == "abandoned":
        await change_job(job, deaths=settings.job_deaths_max - 1)
    assert await lose() == 1
    if request.param == "overtaken":
        assert (await begin(job)).fence == claim.fence + 1
    else:
        assert await do(jobs_service.abandon)
    return claim


@pytest.mark.parametrize("deed", LATE_DEEDS.values(), ids=LATE_DEEDS)
async def test_a_late_holder_is_told_so_and_changes_nothing(deed, late, job, do, found):
    before = columns(await found(job))
    with pytest.raises(LeaseLost):
        await do(deed, late)
    assert columns(await found(job)) == before


@pytest.mark.parametrize("deed", SILENT_DEEDS.values(), ids=SILENT_DEEDS)
async def test_a_late_holder_cannot_queue_the_job_again(deed, late, job, do, found):
    before = columns(await found(job))
    await do(deed, late)
    assert columns(await found(job)) == before


async def test_what_a_late_holder_writes_beside_the_job_is_undone(late, database, do):
    async def write(session):
        events.record(session, "training:1")
        await jobs_service.hold(session, late)

    with pytest.raises(LeaseLost):
        await do(write)
    async with database.reading() as session:
        assert await session.scalar(select(Event.id)) is None


async def test_who_holds_a_job_for_a_transaction_is_not_overtaken_within_it(job, database, begin, lose):
    claim = await begin(job)
    async with database.writing() as session:
        await jobs_service.hold(session, claim)
        assert await lose() == 0
        await jobs_service.end(session, claim, JobState.DONE)
    assert await begin(job) is None


async def test_a_beat_renews_the_lease_and_learns_of_a_cancellation(job, begin, do, found, change_job):
    claim = await begin(job)
    await change_job(job, lease_until=ago(1))
    assert await do(jobs_service.beat, claim) is False
    assert (await found(job)).lease_until > datetime.now(UTC)
    assert await do(jobs_service.cancel, job.id) is False
    assert await do(jobs_service.beat, claim) is True


async def test_attempts_are_counted_and_no_more_are_made_than_allowed(job, begin, do, found):
    for attempt in (1, 2, 3):
        claim = await begin(job)
        assert (claim.attempt, claim.fence) == (attempt, attempt)
        await do(jobs_service.try_later, claim, after_s=-1, error="It broke.")
    assert await begin(job) is None
    assert (await found(job)).attempt == 3
    assert [(ended.id, ended.error) for ended in await do(jobs_service.abandon)] == [(job.id, "It broke.")]


async def test_progress_is_kept_until_the_end_and_full_after_success(job, begin, do, found):
    claim = await begin(job)
    await do(jobs_service.report, claim, HALF)
    told = await found(job)
    assert (told.progress, told.stage, told.message, told.eta_s) == (0.5, "training", "Half of it.", 60)
    await do(jobs_service.end, claim, JobState.DONE)
    ended = await found(job)
    assert (ended.state, ended.progress, ended.error) == (JobState.DONE, 1, None)
    assert (ended.eta_s, ended.lease_until) == (None, None)
    assert ended.finished_at >= ended.started_at


async def test_a_failure_keeps_how_far_the_job_came(job, begin, do, found):
    claim = await begin(job)
    await do(jobs_service.report, claim, HALF)
    await do(jobs_service.end, claim, JobState.FAILED, "The imagery is gone.")
    ended = await found(job)
    assert (ended.state, ended.progress, ended.error) == (JobState.FAILED, 0.5, "The imagery is gone.")


async def test_a_job_that_waits_is_cancelled_at_once(job, begin, do, found):
    assert await do(jobs_service.cancel, job.id) is True
    ended = await found(job)
    assert ended.state is JobState.CANCELLED
    assert ended.finished_at is not None
    assert await begin(job) is None


async def test_a_running_job_is_asked_to_stop(job, begin, do, found):
    claim = await begin(job)
    assert await do(jobs_service.cancel, job.id) is False
    asked = await found(job)
    assert (asked.state, asked.cancel_requested, asked.finished_at) == (JobState.RUNNING, True, None)
    await do(jobs_service.end, claim, JobState.CANCELLED, "Cancelled.")


@pytest.mark.parametrize("state", [JobState.DONE, JobState.FAILED, JobState.CANCELLED])
async def test_a_job_that_has_ended_cannot_be_cancelled(state, job, do, found, change_job):
    await change_job(job, state=state)
    before = columns(await found(job))
    with pytest.raises(Conflict):
        await do(jobs_service.cancel, job.id)
    assert columns(await found(job)) == before


async def test_a_job_handed_back_while_it_was_being_cancelled_is_not_begun_but_ended(job, begin, do, found):
    claim = await begin(job)
    await do(jobs_service.cancel, job.id)
    await do(jobs_service.return_unfinished, claim)
    assert await begin(job) is None
    assert [ended.id for ended in await do(jobs_service.abandon)] == [job.id]
    ended = await found(job)
    assert (ended.state, ended.error) == (JobState.CANCELLED, "Cancelled.")


async def test_handing_a_job_back_costs_no_attempt(job, begin, do, found):
    for fence in range(1, 6):
        claim = await begin(job)
        assert (claim.attempt, claim.fence) == (1, fence)
        await do(jobs_service.return_unfinished, claim)
        back = await found(job)
        assert (back.state, back.attempt, back.lease_until) == (JobState.QUEUED, 0, None)


async def test_a_job_to_be_tried_later_is_not_begun_sooner(job, begin, do, found, change_job):
    claim = await begin(job)
    await do(jobs_service.try_later, claim, after_s=1_000, error="The service was busy.")
    waiting = await found(job)
    assert (waiting.state, waiting.attempt, waiting.error) == (JobState.QUEUED, 1, "The service was busy.")
    assert waiting.available_at > datetime.now(UTC) + 900 * SECOND
    assert await begin(job) is None
    await change_job(job, available_at=ago(1))
    assert (await begin(job)).attempt == 2


# Times are told from the moment at which a test begins.
STATES = {
    "queued long ago": ({"available_at": -HOUR_S * SECOND}, True),
    "just queued": ({}, True),
    "to be tried later": ({"available_at": 600 * SECOND, "error": "It broke."}, False),
    "of a clock that was put back": ({"available_at": 600 * SECOND}, True),
    "put off for longer than any may be": ({"available_at": HOUR_S * SECOND, "error": "It broke."}, True),
    "held": ({"state": JobState.RUNNING, "attempt": 1, "lease_until": -HOUR_S * SECOND}, False),
    "maximum number of attempts": ({"attempt": 3, "available_at": -HOUR_S * SECOND}, False),
    "being cancelled": ({"available_at": -HOUR_S * SECOND, "cancel_requested": True}, False),
    "done": ({"state": JobState.DONE, "available_at": -HOUR_S * SECOND}, False),
}


@pytest.mark.parametrize(("fields", "is_begun"), STATES.values(), ids=STATES)
async def test_whose_turn_it_is_is_begun_if_it_may_be(fields, is_begun, database, do):
    times = {name: datetime.now(UTC) + value for name, value in fields.items() if isinstance(value, timedelta)}
    job = await factories.job(database, **fields | times)
    assert await do(jobs_service.begin_next, Lane.HEAVY, [MappingJob.PREDICT]) is None
    assert await do(jobs_service.begin_next, Lane.SLOW, [MappingJob.TRAIN]) is None
    claim = await do(jobs_service.begin_next, Lane.HEAVY, [MappingJob.TRAIN])
    assert (claim and claim.job_id) == (job.id if is_begun else None)


async def test_a_job_whose_workers_all_died_fails_with_a_reason(database, do, found):
    lost = {"deaths": settings.job_deaths_max, "attempt": 1}
    job = await factories.job(database, **lost, error="The service was busy.", eta_s=5)
    held = await factories.job(database, **lost, state=JobState.RUNNING, lease_until=ago(60))
    assert [ended.id for ended in await do(jobs_service.abandon)] == [job.id]
    ended = await found(job)
    assert (ended.state, ended.error) == (JobState.FAILED, "The worker stopped 6 times while it worked on this.")
    assert (ended.lease_until, ended.eta_s) == (None, None)
    assert ended.finished_at is not None
    assert (await found(held)).state is JobState.RUNNING
    assert await do(jobs_service.abandon) == []


async def test_two_who_clear_up_do_not_end_a_job_twice(database, do):
    for _ in range(10):
        await factories.job(database, attempt=3)
    ended = await asyncio.gather(*(do(jobs_service.abandon) for _ in range(5)))
    assert len([job for jobs in ended for job in jobs]) == 10


async def test_a_job_is_told_to_the_workers_after_the_commit(database, redis_url):
    with Redis.from_url(redis_url) as redis:
        async with database.writing() as session:
            job = await queue.enqueue(session, MappingJob.TRAIN, subject_id=1, user_id=None)
            assert redis.llen("dramatiq:heavy") == 0
        await database.settle()
        assert redis.llen("dramatiq:heavy") == 1
    assert (job.state, job.attempts_max) == (JobState.QUEUED, settings.job_attempts_max)


async def test_a_job_of_a_transaction_that_failed_was_never_there(database, redis_url, do):
    async def ask_in_vain(session):
        await queue.enqueue(session, MappingJob.TRAIN, subject_id=1, user_id=None)
        raise Conflict("Something else went wrong.")

    with pytest.raises(Conflict):
        await do(ask_in_vain)
    with Redis.from_url(redis_url) as redis:
        assert redis.llen("dramatiq:heavy") == 0
    async with database.reading() as session:
        assert await session.scalar(select(Job.id)) is None


async def test_a_job_is_kept_though_nobody_could_be_told(database, found, monkeypatch):
    nowhere = RedisBroker(url="unix:///nowhere.sock", middleware=[])
    monkeypatch.setattr(queue, "broker", lambda: nowhere)
    async with database.writing() as session:
        job = await queue.enqueue(session, MappingJob.TRAIN, subject_id=1, user_id=None)
    assert (await found(job)).state is JobState.QUEUED
