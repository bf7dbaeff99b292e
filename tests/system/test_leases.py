"""A job is taken from a worker that died, and from no other; what is not its fault is counted apart."""

from datetime import UTC, datetime, timedelta

import pytest

from app.models.kinds import JobKind, Lane
from app.models.system import Job, JobState
from app.services.system import jobs
from app.settings import settings
from jobs.watch import Watch

SECOND = timedelta(seconds=1)
HOUR_S = 3_600


def ago(seconds):
    return datetime.now(UTC) - timedelta(seconds=seconds)


async def test_a_lease_that_is_renewed_is_another(job, begin, do):
    claim = await begin(job)
    before = await do(jobs.leases)
    await do(jobs.beat, claim)
    assert await do(jobs.release, before) == 0
    assert await do(jobs.release, await do(jobs.leases)) == 1


@pytest.mark.parametrize("jump_s", [-10 * HOUR_S, 10 * HOUR_S])
async def test_a_clock_that_jumps_neither_loses_a_lease_nor_a_job(jump_s, job, begin, do, change_job):
    """The jump is simulated at the rows: they are as a clock wrote them that stood so far from where it stands now."""
    now, watch = 0.0, Watch(lambda: now)
    await change_job(job, available_at=ago(-jump_s))
    claim = await begin(job)
    assert claim is not None
    for _ in range(10):  # held for ten leases, and renewed
        assert watch.dead(await do(jobs.leases)) == []
        await do(jobs.beat, claim)
        await change_job(job, lease_until=Job.lease_until + jump_s * SECOND)
        now += settings.job_lease_s
    for _ in range(2):  # its holder dies
        dead = watch.dead(await do(jobs.leases))
        now += settings.job_lease_s + 1
    assert [lease.job_id for lease in dead] == [job.id]
    assert await do(jobs.release, dead) == 1
    await change_job(job, available_at=ago(-jump_s))
    assert (await begin(job)).fence == claim.fence + 1


async def test_a_worker_that_dies_costs_no_attempt_and_the_next_begins_at_once(job, begin, lose, found):
    claim = await begin(job)
    assert await lose() == 1
    lost = await found(job)
    assert (lost.state, lost.attempt, lost.deaths, lost.lease_until) == (JobState.QUEUED, 0, 1, None)
    again = await begin(job)
    assert (again.attempt, again.deaths, again.fence) == (1, 1, claim.fence + 1)


async def test_what_kills_its_workers_is_begun_ever_later_and_ends(job, begin, lose, do, found, change_job):
    waits = []
    for _ in range(settings.job_deaths_max):
        await change_job(job, available_at=ago(1))
        assert await do(jobs.abandon) == []
        assert await begin(job)
        await lose()
        waits.append(((await found(job)).available_at - datetime.now(UTC)) / SECOND)
    assert waits == pytest.approx([0, 4, 8, 16, 32, 64], abs=2)
    assert [ended.id for ended in await do(jobs.abandon)] == [job.id]
    assert (await found(job)).error == "The worker stopped 6 times while it worked on this."


async def test_what_got_on_begins_to_count_anew(job, begin, lose, do, found, change_job):
    for _ in range(3):
        await begin(job)
        await lose()
        await change_job(job, available_at=ago(1))
    claim = await do(jobs.got_on, await begin(job))
    assert (claim.attempt, claim.deaths, claim.setbacks) == (1, 0, 0)
    await lose()
    assert ((await found(job)).deaths, (await found(job)).attempt) == (1, 0)


async def test_a_machine_that_gives_way_costs_no_attempt(job, begin, do, found, change_job):
    for setback in range(1, 6):
        await do(jobs.set_back, await begin(job), error="The disk is full.")
        waiting = await found(job)
        assert (waiting.state, waiting.attempt, waiting.setbacks) == (JobState.QUEUED, 0, setback)
        assert waiting.error == "The disk is full."
        assert await begin(job) is None
        await change_job(job, available_at=ago(1))


async def test_what_only_another_version_knows_is_left_to_it(job, database, begin, do, database_owner):
    database_owner.execute("SET session_replication_role = DEFAULT")
    try:
        for state in ("QUEUED", "RUNNING"):
            database_owner.execute(
                "INSERT INTO jobs (kind, state, subject_id, attempt, attempts_max, fence, cancel_requested, progress, "
                "lease_until, available_at) VALUES ('FOLD_MAPS', %s, 1, 3, 3, 1, true, 0, '2020-01-01', '2020-01-01')",
                [state],
            )
        assert await begin(job)
        assert [lease.job_id for lease in await do(jobs.leases)] == [job.id]
        assert await do(jobs.release, await do(jobs.leases)) == 1
        assert await do(jobs.abandon) == []
        assert (await do(jobs.begin_next, Lane.HEAVY, list(JobKind))).job_id == job.id
        assert await do(jobs.unknown) == 2
        rows = database_owner.execute("SELECT state FROM jobs WHERE kind = 'FOLD_MAPS' ORDER BY id").fetchall()
        assert rows == [("QUEUED",), ("RUNNING",)]
    finally:
        database_owner.execute("DELETE FROM jobs WHERE kind = 'FOLD_MAPS'")
        database_owner.execute("SET session_replication_role = replica")
