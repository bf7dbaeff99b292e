"""Failures that other ledgers were reported for, one test each, and where the invariants of this one are tested."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import import_module

import pytest
from sqlalchemy import func, select

from app.errors import Conflict
from app.models.billing.ledger import Currency, LedgerAccount, LedgerEntry, Operation, OperationCause
from app.models.billing.reservations import Reservation, ReservationPart, ReservationState
from app.models.system import JobState
from app.services.accounts.users import deletion
from app.services.billing import holds, ledger, reservations, statement_files, statements
from app.services.billing.balances import balances_of
from app.services.billing.reservations import Purpose
from app.services.system import jobs
from app.services.system.jobs import LeaseLost
from tests import factories
from tests.billing.books import broken, give, move

HOUR = timedelta(hours=1)
KNOWN, RESERVATIONS = "billing.test_known_cases", "billing.test_reservations"
CASES = {
    "B1": f"{KNOWN}.test_b1_a_bill_is_rounded_once_from_the_exact_amount",
    "B3": f"{KNOWN}.test_b3_fifty_postings_at_once_are_each_stored_once",
    "B4": "billing.test_tokens.test_a_repeated_request_moves_nothing_more",
    "B4, by another user": "billing.test_tokens.test_a_key_that_was_refused_for_funds_works_once_there_are_some",
    "B5": "billing.test_tokens.test_a_duplicate_of_what_is_being_refused_is_not_said_to_be_done",
    "B6": "billing.test_tokens.test_a_key_that_was_refused_for_funds_works_once_there_are_some",
    "B6, of who died": "system.test_idempotency.test_an_unknown_outcome_is_resolved_by_its_key",
    "B7": f"{RESERVATIONS}.test_past_its_end_it_holds_nothing_and_posts_nothing_though_no_sweep_has_run",
    "B8": f"{RESERVATIONS}.test_past_its_end_it_holds_nothing_and_posts_nothing_though_no_sweep_has_run",
    "B9": f"{KNOWN}.test_b9_tenths_are_exact",
    "B10": f"{KNOWN}.test_b10_all_parts_of_a_reservation_end_with_it",
    "B11": "billing.test_statements.test_a_balance_as_of_an_instant_stays_as_it_was_after_a_reversal",
    "B12": f"{KNOWN}.test_b12_a_cached_balance_covers_all_entries_whenever_it_is_read",
    "B13": f"{KNOWN}.test_b13_work_that_reports_its_end_twice_is_charged_once",
    "B15": f"{KNOWN}.test_b15_of_a_return_and_a_payment_exactly_one_happens",
    "B15, of a contract": "consulting.test_races.test_a_refund_and_a_payment_at_once",
    "B16": f"{KNOWN}.test_b16_two_who_release_at_once_release_once",
    "B16, of a contract": "consulting.test_races.test_two_releases_of_the_last_at_once",
    "B17": f"{KNOWN}.test_b17_what_nobody_ends_returns_by_itself",
    "B17, of a contract": "consulting.test_deadlines.test_silence_of_the_consultant_returns_what_is_held",
    "B19": f"{KNOWN}.test_b19_what_was_taken_back_is_billed_again_without_the_part_that_was_not",
}
INVARIANTS = {
    "L1": "billing.test_ledger.test_entries_that_do_not_add_up_are_refused",
    "L2": "billing.test_ledger.test_neither_role_changes_or_removes_what_is_posted",
    "L3": "billing.test_tokens.test_a_repeated_request_moves_nothing_more",
    "L4": "billing.test_tokens.test_a_repeated_request_moves_nothing_more",
    "L5": "billing.test_ledger.test_credits_at_once_all_arrive",
    "L6": "billing.test_properties.test_at_once_and_with_connections_that_break_nothing_is_lost",
    "L7": "billing.test_properties.test_one_after_another_they_come_to_what_a_plain_model_comes_to",
    "L8": "billing.test_ledger.test_nobody_spends_more_than_there_is",
    "L8, with reservations": "billing.test_ledger.test_nobody_spends_what_is_held",
    "L9": "billing.test_ledger.test_the_smallest_amounts_arrive_whole",
    "L10": "billing.test_ledger.test_a_reversal_is_a_new_operation_and_happens_once",
    "L10, by staff": "billing.test_reversals.test_what_was_spent_or_is_held_is_not_taken",
    "L11": "billing.test_replay.test_all_balances_come_out_the_same",
    "L12": "billing.test_statements.test_entries_of_an_account_have_times_in_their_order",
    "L13": "billing.test_mutants.test_a_key_that_is_kept_when_it_was_refused_never_works_again",
    "L14": "billing.test_reservations.test_it_ends_once_whoever_ends_it",
    "L15": "billing.test_reservations.test_holds_at_once_hold_no_more_than_there_is",
    "L16": "billing.test_reservations.test_a_worker_that_lost_its_lease_posts_nothing",
    "L17": "billing.test_grants.test_it_is_spendable_before_its_end_and_not_at_it_swept_or_not",
    "L18": "automl.test_market_calls.test_l18_the_caller_pays_price_and_fee_and_the_seller_gets_the_rest",
    "L19": "consulting.test_races.test_a_refund_and_a_payment_at_once",
    "L20": "billing.test_known_cases.test_a_deleted_account_keeps_its_entries_without_a_name",
    "L21": "billing.test_statements.test_opening_and_lines_make_the_closing_and_any_cut_adds_up",
}


@pytest.mark.parametrize("place", sorted({*CASES.values(), *INVARIANTS.values()}))
def test_what_is_listed_is_there(place):
    module, _, name = place.rpartition(".")
    assert callable(getattr(import_module(f"tests.{module}"), name))


async def has(database, user_id: int) -> Decimal:
    async with database.reading() as session:
        return (await balances_of(session, [user_id]))[user_id].usd


async def hold(database, user_id: int, amount, *, for_: timedelta = HOUR, job_key: int | None = None) -> int:
    async with database.writing() as session:
        purpose = Purpose(OperationCause.TRAINING, job_key=job_key)
        return (await reservations.hold(session, user_id, Decimal(amount), purpose, for_=for_)).id


async def test_b1_a_bill_is_rounded_once_from_the_exact_amount(database, owner, other):
    gross = Decimal("14.29") * Decimal("1.24")
    await give(database, owner.id, 20)
    await move(database, owner.id, other.id, gross)
    async with database.reading() as session:
        since, until = datetime(2020, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)
        bill = await statements.statement(session, owner.user, currency=Currency.USD, since=since, until=until)
    assert bill.debited == Decimal("17.71960000")
    assert statement_files.total_spent(bill) == Decimal("17.72")


async def test_b3_fifty_postings_at_once_are_each_stored_once(database, owner, other):
    await give(database, owner.id, 50)
    at_once = asyncio.Semaphore(8)

    async def one() -> Operation:
        async with at_once:
            return await move(database, owner.id, other.id, 1)

    made = await asyncio.gather(*(one() for _ in range(50)))
    assert len({each.uuid for each in made}) == 50
    assert (await has(database, owner.id), await has(database, other.id)) == (0, 50)


async def test_b9_tenths_are_exact(database, owner, other):
    await give(database, owner.id, "99.9")
    await move(database, owner.id, other.id, "99.8")
    await move(database, owner.id, other.id, "0.1")
    assert (await has(database, owner.id), await has(database, other.id)) == (0, Decimal("99.9"))


async def test_b10_all_parts_of_a_reservation_end_with_it(database, owner):
    await give(database, owner.id, 5, Currency.EAML)
    held = await hold(database, owner.id, 3)
    async with database.writing() as session:
        await reservations.void(session, held)
    async with database.reading() as session:
        state = (await session.get_one(Reservation, held)).state
        open_ = await session.scalar(select(func.count()).where(ReservationPart.is_open))
    assert (state, open_) == (ReservationState.VOID, 0)


async def test_b12_a_cached_balance_covers_all_entries_whenever_it_is_read(database, owner):
    async def look() -> list[tuple[Decimal, Decimal]]:
        seen = []
        for _ in range(10):
            async with database.reading() as session:
                cached = select(LedgerAccount.balance, func.sum(LedgerEntry.change)).join(
                    LedgerEntry, LedgerEntry.account_id == LedgerAccount.id
                )
                query = cached.where(LedgerAccount.user_id == owner.id).group_by(LedgerAccount.id)
                seen += [tuple(row) for row in await session.execute(query)]
        return seen

    seen, *_ = await asyncio.gather(look(), *(give(database, owner.id, 1) for _ in range(6)))
    assert all(cached == total for cached, total in seen)


async def test_b13_work_that_reports_its_end_twice_is_charged_once(database, owner):
    await give(database, owner.id, 100, Currency.EAML)
    job = await factories.job(database, user_id=owner.id)
    await hold(database, owner.id, 100, job_key=job.id)
    async with database.writing() as session:
        claim = await jobs.begin(session, job.id)
    ended = []
    for _ in range(2):
        try:
            async with database.writing() as session:
                await jobs.end(session, claim, JobState.DONE)
            ended.append("done")
        except LeaseLost:
            ended.append("lost")
    assert ended == ["done", "lost"]
    async with database.reading() as session:
        assert (await balances_of(session, [owner.id]))[owner.id].eaml == 0


async def test_b15_of_a_return_and_a_payment_exactly_one_happens(database, owner):
    await give(database, owner.id, 4, Currency.EAML)
    held = await hold(database, owner.id, 4)

    async def end(how) -> object:
        async with database.writing() as session:
            return await how(session, held)

    came = await asyncio.gather(end(reservations.post), end(reservations.void), return_exceptions=True)
    assert [type(each) for each in came].count(Conflict) == 1
    assert await broken(database) == {}


async def test_b16_two_who_release_at_once_release_once(database, owner):
    await give(database, owner.id, 4, Currency.EAML)
    held = await hold(database, owner.id, 4)

    async def post() -> Operation | None:
        async with database.writing() as session:
            return await reservations.post(session, held, Decimal(3))

    came = await asyncio.gather(post(), post(), return_exceptions=True)
    assert sorted(type(each).__name__ for each in came) == ["Conflict", "Operation"]


async def test_b17_what_nobody_ends_returns_by_itself(database, owner):
    await give(database, owner.id, 4, Currency.EAML)
    await hold(database, owner.id, 4, for_=timedelta(0))
    async with database.reading() as session:
        assert await holds.available(session, owner.id, Currency.EAML) == 4


async def test_b19_what_was_taken_back_is_billed_again_without_the_part_that_was_not(database, owner, other):
    await give(database, owner.id, 10)
    first, second = [await move(database, owner.id, other.id, amount) for amount in (3, 2)]
    async with database.writing() as session:
        await ledger.reverse(session, first.id, actor_id=None, reason="Cancelled.")
    await move(database, owner.id, other.id, 3)
    assert (await has(database, owner.id), await has(database, other.id)) == (5, 5)
    with pytest.raises(Conflict, match="already reversed"):
        async with database.writing() as session:
            await ledger.reverse(session, first.id, actor_id=None, reason="Again.")
    async with database.reading() as session:
        backs = select(Operation.id).where(Operation.reverses_id == second.id)
        assert (await session.scalars(backs)).all() == []


async def test_a_deleted_account_keeps_its_entries_without_a_name(ask, change, database, owner, other, staff):
    await give(database, owner.id, 10)
    await move(database, owner.id, other.id, 4)
    await change("requestAccountDeletion", viewer=owner)
    async with database.writing() as session:
        user = await session.get_one(type(owner.user), owner.id)
        user.account_deletion_due_at = datetime(2020, 1, 1, tzinfo=UTC)
    await deletion.delete_due_accounts(database)
    assert await broken(database) == {}
    assert await has(database, other.id) == 4
    shown = "{ operations { nodes { operationUser { username firstName } } } }"
    [sale] = (await ask(shown, viewer=other))["operations"]["nodes"]
    assert sale["operationUser"] is None
    everything = (await ask(shown, viewer=staff))["operations"]["nodes"]
    assert len(everything) == 2
    assert "owner" not in str(everything)
