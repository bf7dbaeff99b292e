"""Nobody waits for another's mass of jobs: one greedy account against one modest, for every kind of job there is."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import select, text

from app import queue
from app.models.kinds import JobKind, Lane
from app.models.kinds.accounts import AccountsMail
from app.models.kinds.mapping import MappingJob
from app.models.kinds.system import SystemJob
from app.models.system import Job, JobState
from app.services.system import jobs, mail
from app.services.system.queue import turns
from app.settings import settings
from jobs import accounts, automl, billing, consulting, integrations, mapping, social, wildlife  # noqa: F401 -- register
from jobs import system as system_jobs  # noqa: F401
from jobs.broker import WORKS, Runner, places
from jobs.schedule import sweep

GREEDY, MODEST, MANY = 1, 2, 12


class Gates:
    """Stands in for the work of every kind: each job waits until it is let through."""

    def __init__(self):
        self.begun: list[int] = []
        self._open: dict[int, asyncio.Event] = {}

    async def __call__(self, run):
        self.begun.append(run.claim.job_id)
        await self._open.setdefault(run.claim.job_id, asyncio.Event()).wait()
        async with run.ending():
            pass

    def let_through(self, job_id: int):
        self._open.setdefault(job_id, asyncio.Event()).set()

    def let_all_through(self):
        for gate in self._open.values():
            gate.set()


@pytest.fixture
def gates(monkeypatch):
    gates = Gates()
    for kind, work in list(WORKS.items()):
        monkeypatch.setitem(WORKS, kind, replace(work, do=gates))
    return gates


@pytest.fixture
async def runner(database, gates):
    runner = Runner(database)
    yield runner
    runner.leaving.set()
    gates.let_all_through()  # what stands at a gate is not told that it is to leave until it is looked at
    await runner.left()


@pytest.fixture
def ask_for(database):
    """Has an account ask for jobs of a kind."""

    async def ask_for(kind, account, count=1):
        given = {"subject_id": 1, "user_id": None, "account_key": account}
        async with database.writing() as session:
            return [(await queue.enqueue(session, kind, **given)).id for _ in range(count)]

    return ask_for


@pytest.fixture
def positions(database):
    async def positions(ids):
        async with database.reading() as session:
            return {id: turn.position for id, turn in (await turns(session, ids)).items()}

    return positions


@pytest.fixture
def begins(database):
    """Begins the jobs of a lane one after another, each over before the next; their ids in that order."""

    async def begins(lane):
        order = []
        while True:
            async with database.writing() as session:
                claim = await jobs.begin_next(session, lane, list(JobKind))
            if claim is None:
                return order
            order.append(claim.job_id)
            async with database.writing() as session:
                await jobs.end(session, claim, JobState.DONE)

    return begins


def test_every_kind_of_job_is_registered_and_has_a_lane():
    assert set(WORKS) == set(JobKind)
    assert {kind.lane for kind in JobKind} == set(Lane)


@pytest.mark.parametrize("kind", JobKind)
async def test_who_asks_for_one_job_does_not_wait_for_all_of_who_asks_for_many(
    kind, database, runner, gates, ask_for, eventually
):
    greedy = await ask_for(kind, GREEDY, MANY)
    at_first = max(1, places(kind.lane) - 1)
    await sweep(runner)

    async def greedy_has_its_share():
        return len(gates.begun) == at_first

    await eventually(greedy_has_its_share)
    [modest] = await ask_for(kind, MODEST)
    await sweep(runner)
    if places(kind.lane) == 1:
        gates.let_through(greedy[0])

    async def modest_has_begun():
        return modest in gates.begun

    await eventually(modest_has_begun)
    assert gates.begun == [*greedy[:at_first], modest]


@pytest.mark.parametrize("busy", JobKind)
async def test_no_lane_waits_for_another_however_full_that_is(busy, runner, gates, ask_for, eventually):
    for account in range(3, 3 + MANY):
        await ask_for(busy, account)
    await sweep(runner)

    async def full():
        return len(gates.begun) == places(busy.lane)

    await eventually(full)
    others = [
        (await ask_for(kind, GREEDY))[0]
        for kind in (SystemJob.SEND_MAIL, MappingJob.FETCH_LABELS, MappingJob.TRAIN)
        if kind.lane is not busy.lane
    ]
    await sweep(runner)

    async def others_have_begun():
        return set(others) <= set(gates.begun)

    await eventually(others_have_begun)


@pytest.mark.parametrize("kind", JobKind)
async def test_accounts_take_turns_and_are_told_so(kind, ask_for, positions, begins):
    greedy = await ask_for(kind, GREEDY, 4)
    modest = await ask_for(kind, MODEST, 2)
    third = await ask_for(kind, 0)
    told = await positions([*greedy, *modest, *third])
    order = await begins(kind.lane)
    assert order == [greedy[0], modest[0], *third, greedy[1], modest[1], *greedy[2:]]
    expected = {} if kind.lane is Lane.QUICK else {id: place for place, id in enumerate(order, 1)}
    assert told == expected


async def test_who_comes_while_anothers_job_runs_is_next(database, ask_for, positions):
    greedy = await ask_for(MappingJob.TRAIN, GREEDY, 5)
    async with database.writing() as session:
        for _ in range(2):
            claim = await jobs.begin_next(session, Lane.HEAVY, list(JobKind))
            if claim.job_id == greedy[0]:
                await jobs.end(session, claim, JobState.DONE)
    [modest] = await ask_for(MappingJob.PREDICT, MODEST)
    assert await positions([modest, *greedy]) == {modest: 1, greedy[2]: 2, greedy[3]: 3, greedy[4]: 4}


async def test_who_asks_for_many_in_one_instant_gets_one_turn_each(database, ask_for):
    ids = await asyncio.gather(*(ask_for(MappingJob.TRAIN, GREEDY) for _ in range(8)))
    async with database.reading() as session:
        found = await session.scalars(select(Job.turn).where(Job.id.in_([id for [id] in ids])))
    assert sorted(found) == list(range(8))


async def test_a_failure_that_may_heal_costs_a_turn(database, ask_for, positions):
    [failing, *_] = await ask_for(MappingJob.FETCH_LABELS, GREEDY, 3)
    async with database.writing() as session:
        claim = await jobs.begin_next(session, Lane.SLOW, list(JobKind))
    [modest] = await ask_for(MappingJob.FETCH_LABELS, MODEST)
    async with database.writing() as session:
        await jobs.try_later(session, claim, after_s=0, error="The map was busy.")
    assert claim.job_id == failing
    assert await positions([modest, failing]) == {modest: 1, failing: 4}


async def test_mails_take_turns_by_mailbox_and_by_account(database, monkeypatch, owner):
    monkeypatch.setattr(settings, "smtp_url", None)
    async with database.writing() as session:
        for address in ("a@example.org", "A@example.org ", "b@example.org"):
            await mail.post(session, AccountsMail.SIGN_UP, address=address)
        await mail.post(session, AccountsMail.PASSWORD_CHANGED, address="c@example.org", user_id=owner.id)
    async with database.reading() as session:
        first, same, other, account = (await session.scalars(select(Job.account_key).order_by(Job.id))).all()
    assert first == same
    assert first != other
    assert first < 0 > other
    assert account == owner.id


async def test_one_of_an_instance_takes_whose_turn_it_is(database, ask_for):
    """Two workers ask at once: each is given another job, and in order."""
    ids = await ask_for(MappingJob.FETCH_LABELS, GREEDY, 4)

    async def begin():
        async with database.writing() as session:
            return (await jobs.begin_next(session, Lane.SLOW, list(JobKind))).job_id

    assert sorted(await asyncio.gather(*(begin() for _ in range(4)))) == ids


async def test_the_next_of_10_000_is_found_without_reading_the_others(database, database_owner):
    """As PostgreSQL counts what it reads, not as the clock does; ten times, so that no cached plan is worse."""
    fill = (
        "INSERT INTO jobs (kind, subject_id, lane, account_key, turn, state, attempt, attempts_max, fence,"
        " cancel_requested, progress) SELECT 'FETCH_LABELS', n, 'SLOW', n % 100, 100 - n / 100, 'QUEUED', 0, 3, 0,"
        " false, 0 FROM generate_series(1, 10000) AS n"
    )
    read = "SELECT seq_tup_read, idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'jobs'"
    async with database.writing() as session:
        await session.execute(text(fill))
    owner = database_owner  # the application's role may not analyze, and PostgreSQL only warns of it
    owner.execute("ANALYZE jobs")
    async with database.writing() as session:
        # A connection that others have used may count what was read in their transactions, too.
        before = (await session.execute(text(read))).one()
        for number in range(10):
            assert await jobs.to_begin(session, list(Lane), list(JobKind)) == [Lane.SLOW]
            claim = await jobs.begin_next(session, Lane.SLOW, list(JobKind), without=[7, 8])
            job = await queue.enqueue(session, MappingJob.FETCH_LABELS, subject_id=1, user_id=None, account_key=5)
            assert claim.subject_id == (10_000 if number == 0 else 9_899 + number + (2 if number > 7 else 0))
            assert job.turn == 101 + number
        after = (await session.execute(text(read))).one()
    in_order, by_index = (now - then for now, then in zip(after, before, strict=True))
    assert in_order == 0
    assert by_index < 10 * 20
