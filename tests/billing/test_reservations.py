"""Money that is held for work: posted once, in part or whole, or returned; past its end it holds nothing."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest
from sqlalchemy import func, select, update

from app.errors import Conflict, Invalid
from app.models.billing.ledger import Currency, Operation, OperationCause
from app.models.billing.reservations import Reservation, ReservationPart, ReservationState
from app.models.system import JobState
from app.operations.database.migrate import plain_url
from app.services.billing import charges, holds, reservations
from app.services.billing.balances import balances_of
from app.services.billing.errors import InsufficientFunds
from app.services.billing.reservations import Purpose
from app.services.system import jobs
from app.services.system.jobs import LeaseLost
from app.settings import settings
from tests import factories
from tests.billing.books import attack, broken, give

HOUR = timedelta(hours=1)


@pytest.fixture
async def rich(database, owner):
    """Somebody with 10 tokens."""
    await give(database, owner.id, 10, Currency.EAML)
    return owner


@pytest.fixture
def hold(database):
    async def hold(user_id: int, amount, *, for_: timedelta = HOUR, job_key: int | None = None) -> int:
        async with database.writing() as session:
            purpose = Purpose(OperationCause.TRAINING, ("Training", 7), job_key, 5, 2)
            return (await reservations.hold(session, user_id, Decimal(amount), purpose, for_=for_)).id

    return hold


@pytest.fixture
def post(database):
    async def post(reservation_id: int, amount=None) -> Operation | None:
        async with database.writing() as session:
            return await reservations.post(session, reservation_id, None if amount is None else Decimal(amount))

    return post


@pytest.fixture
def state(database):
    """What there is, what is available, and what became of a reservation."""

    async def state(user_id: int, reservation_id: int) -> tuple[Decimal, Decimal, ReservationState]:
        async with database.reading() as session:
            has = (await balances_of(session, [user_id]))[user_id].eaml
            free = await holds.available(session, user_id, Currency.EAML)
            return has, free, (await session.get_one(Reservation, reservation_id)).state

    return state


@pytest.fixture
def expire(database):
    """Lets the time of a reservation be over, as of this instant."""

    async def expire(reservation_id: int) -> None:
        async with database.writing() as session:
            parts = update(ReservationPart).where(ReservationPart.reservation_id == reservation_id)
            await session.execute(parts.values(expires_at=func.now()))
            whole = update(Reservation).where(Reservation.id == reservation_id)
            await session.execute(whole.values(expires_at=func.now()))

    return expire


async def test_what_is_held_is_there_and_not_available(hold, state, rich):
    held = await hold(rich.id, 4)
    assert await state(rich.id, held) == (10, 6, ReservationState.HELD)


async def test_a_part_is_posted_and_the_rest_returns_in_the_same_transaction(hold, post, state, database, rich):
    held = await hold(rich.id, 4)
    operation = await post(held, "1.5")
    assert (operation.cause, operation.count_of_lines, operation.subject_key) == (OperationCause.TRAINING, 5, 7)
    assert await state(rich.id, held) == (Decimal("8.5"), Decimal("8.5"), ReservationState.POSTED)
    assert await broken(database) == {}


async def test_more_than_is_held_is_not_posted(hold, post, state, rich):
    held = await hold(rich.id, 4)
    for amount in ("4.00000001", "-1"):
        with pytest.raises(Invalid):
            await post(held, amount)
    assert await state(rich.id, held) == (10, 6, ReservationState.HELD)


async def test_nothing_is_posted_of_what_cost_nothing(hold, post, state, rich):
    held = await hold(rich.id, 4)
    assert await post(held, 0) is None
    assert await state(rich.id, held) == (10, 10, ReservationState.VOID)


async def test_more_than_is_available_is_not_held(hold, database, rich):
    await hold(rich.id, 7)
    with pytest.raises(InsufficientFunds) as refused:
        await hold(rich.id, "3.00000001")
    assert (refused.value.required, refused.value.available) == (Decimal("3.00000001"), 3)


async def test_holds_at_once_hold_no_more_than_there_is(hold, database, rich):
    came = await asyncio.gather(*(hold(rich.id, 2) for _ in range(8)), return_exceptions=True)
    assert [type(each) for each in came].count(int) == 5
    assert {type(each) for each in came} == {int, InsufficientFunds}


async def test_it_ends_once_whoever_ends_it(hold, post, database, rich):
    held = await hold(rich.id, 4)

    async def void():
        async with database.writing() as session:
            return await reservations.void(session, held)

    came = await asyncio.gather(post(held), post(held), void(), void(), return_exceptions=True)
    assert [type(each) for each in came].count(Conflict) == 3
    async with database.reading() as session:
        spent = await session.scalar(select(func.count()).select_from(Operation))
        ended = await session.get_one(Reservation, held)
    assert spent - 1 == (ended.state is ReservationState.POSTED)


async def test_past_its_end_it_holds_nothing_and_posts_nothing_though_no_sweep_has_run(
    hold, post, state, expire, database, rich
):
    held = await hold(rich.id, 10)
    await expire(held)
    assert await state(rich.id, held) == (10, 10, ReservationState.HELD)
    with pytest.raises(Conflict, match="expired"):
        await post(held)
    assert await post(await hold(rich.id, 10)) is not None
    assert await state(rich.id, held) == (0, 0, ReservationState.HELD)
    async with database.writing() as session:
        assert await reservations.sweep(session) == 1
        assert await reservations.sweep(session) == 0
    assert await state(rich.id, held) == (0, 0, ReservationState.EXPIRED)
    assert await broken(database) == {}


async def test_the_database_itself_keeps_what_is_held(hold, post, database, rich):
    held = await hold(rich.id, 8)
    ended = await hold(rich.id, 1)
    await post(ended)
    with psycopg.connect(plain_url(str(settings.database_url))) as connection:
        [(wallet, other)] = connection.execute(
            "SELECT min(id) FILTER (WHERE user_id IS NOT NULL), min(id) FILTER (WHERE user_id IS NULL) "
            "FROM ledger_accounts WHERE currency = 'EAML'"
        ).fetchall()
        spend = (
            "WITH made AS (INSERT INTO operations (uuid, kind, cause) "
            "VALUES (gen_random_uuid(), 'TRAINING', 'TRAINING') RETURNING id) "
            "INSERT INTO ledger_entries (operation_id, account_id, change) "
            "SELECT id, unnest(%s::bigint[]), unnest(%s::numeric[]) FROM made"
        )
        more = (
            "INSERT INTO reservation_parts (reservation_id, account_id, amount, is_open, expires_at) "
            "VALUES (%s, %s, %s, true, now() + interval '1 day')"
        )
        assert attack(connection, spend, [wallet, other], [-2, 2]) == "ck_ledger_accounts_balance"
        assert attack(connection, spend, [wallet, other], [-1, 1]) == "done"
        assert attack(connection, more, held, wallet, 2) == "ck_ledger_accounts_balance"
        assert attack(connection, more, held, wallet, 1) == "done"
        for statement, said in {
            f"UPDATE reservations SET state = 'HELD', posted = 0, operation_id = NULL WHERE id = {ended}": "ended",
            f"UPDATE reservations SET posted = 2 WHERE id = {ended}": "ended",
            f"UPDATE reservations SET amount = 1 WHERE id = {held}": "ended",
            f"UPDATE reservation_parts SET is_open = true WHERE reservation_id = {ended}": "closed",
        }.items():
            assert said in attack(connection, statement), statement


async def test_a_job_that_is_done_pays_once_and_one_that_failed_pays_nothing(hold, state, database, rich):
    for outcome, has in ((JobState.DONE, 7), (JobState.FAILED, 7), (JobState.CANCELLED, 7), (JobState.DONE, 4)):
        job = await factories.job(database, user_id=rich.id)
        held = await hold(rich.id, 3, job_key=job.id)
        async with database.writing() as session:
            claim = await jobs.begin(session, job.id)
        async with database.writing() as session:
            await jobs.end(session, claim, outcome)
        with pytest.raises(LeaseLost):
            async with database.writing() as session:
                await jobs.end(session, claim, JobState.DONE)
        ended = ReservationState.POSTED if outcome is JobState.DONE else ReservationState.VOID
        assert await state(rich.id, held) == (has, has, ended)
    assert await broken(database) == {}


async def test_a_worker_that_lost_its_lease_posts_nothing(hold, state, database, rich):
    job = await factories.job(database, user_id=rich.id)
    held = await hold(rich.id, 3, job_key=job.id)
    async with database.writing() as session:
        old = await jobs.begin(session, job.id)
    async with database.reading() as session:
        leases = await jobs.leases(session)
    async with database.writing() as session:
        assert await jobs.release(session, leases) == 1
    with pytest.raises(LeaseLost):
        async with database.writing() as session:
            await jobs.end(session, old, JobState.DONE)
    assert await state(rich.id, held) == (10, 7, ReservationState.HELD)
    async with database.writing() as session:
        new = await jobs.begin(session, job.id)
    async with database.writing() as session:
        await jobs.end(session, new, JobState.DONE)
    assert await state(rich.id, held) == (7, 7, ReservationState.POSTED)


async def test_jobs_that_are_cancelled_or_abandoned_before_they_began_return_what_was_held(hold, state, database, rich):
    cancelled, hopeless = [await factories.job(database, user_id=rich.id) for _ in range(2)]
    held = [await hold(rich.id, 1, job_key=job.id) for job in (cancelled, hopeless)]
    async with database.writing() as session:
        assert await jobs.cancel(session, cancelled.id)
    async with database.writing() as session:
        await session.execute(update(type(hopeless)).where(type(hopeless).id == hopeless.id).values(attempt=3))
        assert [job.id for job in await jobs.abandon(session)] == [hopeless.id]
    assert [await state(rich.id, each) for each in held] == [(10, 10, ReservationState.VOID)] * 2


async def test_a_job_whose_time_is_over_does_not_end_as_done(hold, state, expire, database, rich):
    job = await factories.job(database, user_id=rich.id)
    held = await hold(rich.id, 3, job_key=job.id)
    async with database.writing() as session:
        claim = await jobs.begin(session, job.id)
    await expire(held)
    with pytest.raises(Conflict, match="expired"):
        async with database.writing() as session:
            await jobs.end(session, claim, JobState.DONE)
    async with database.writing() as session:
        await jobs.end(session, claim, JobState.FAILED, "This reservation has expired.")
    assert await state(rich.id, held) == (10, 10, ReservationState.VOID)


async def test_what_is_held_for_jobs_at_work_lasts_and_for_jobs_that_are_gone_returns(hold, state, database, rich):
    job = await factories.job(database, user_id=rich.id)
    lasting, gone = await hold(rich.id, 1, job_key=job.id), await hold(rich.id, 1, job_key=10**9)
    async with database.writing() as session:
        assert await charges.renew(session) == 1
    async with database.writing() as session:
        assert await charges.release(session) == 1
    async with database.reading() as session:
        until = (await session.get_one(Reservation, lasting)).expires_at
        assert until > await session.scalar(select(func.now())) + 2 * HOUR
    assert (await state(rich.id, gone))[1:] == (9, ReservationState.VOID)
