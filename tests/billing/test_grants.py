"""Coupons and promotional tokens: spent in their order, for the platform's work alone, and not from their end on."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import func, select, update

from app.errors import Conflict
from app.models.billing.grants import Grant
from app.models.billing.ledger import AccountKind, Currency, LedgerAccount, LedgerEntry, Operation, OperationCause
from app.models.billing.reservations import Reservation, ReservationPart
from app.operations.database.migrate import plain_url
from app.policies import Viewer
from app.services.billing import holds, ledger, reservations
from app.services.billing.balances import balances_of
from app.services.billing.errors import InsufficientFunds
from app.services.billing.promotions import grants
from app.services.billing.reservations import Purpose
from app.settings import settings
from resolvers import ids
from tests.billing.books import attack, broken, give

HOUR = timedelta(hours=1)
LONG_AGO, FAR = datetime(2020, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)


@pytest.fixture
def granted(change, staff, database):
    """Gives the owner coupons or promotional tokens."""

    async def granted(user, amount, currency="COUPON", **terms) -> Grant:
        given = {"name": "Welcome", "reason": "A campaign.", "amount": str(amount), "currency": currency} | terms
        made = await change("grantCredit", "id", viewer=staff, userId=ids.encode(user), **given)
        async with database.reading() as session:
            return await session.get_one(Grant, ids.key(made["id"], Grant))

    return granted


@pytest.fixture
def pay(database, owner):
    """Holds and posts; says what was taken of which account, by its currency and kind."""

    async def pay(amount, cause=OperationCause.TRAINING, *, post=None) -> list[tuple[int, Decimal]]:
        async with database.writing() as session:
            held = await reservations.hold(session, owner.id, Decimal(amount), Purpose(cause), for_=HOUR)
            made = await reservations.post(session, held.id, None if post is None else Decimal(post))
            taken = select(LedgerEntry.account_id, LedgerEntry.amount).where(
                LedgerEntry.operation_id == made.id, LedgerEntry.change < 0
            )
            return [tuple(row) for row in await session.execute(taken.order_by(LedgerEntry.account_id))]

    return pay


async def left(database, *made: Grant) -> list[Decimal]:
    async with database.reading() as session:
        return [(await session.get_one(LedgerAccount, each.account_id)).balance for each in made]


async def move_end(database, made: Grant, *, starts_at=LONG_AGO, expires_at=None) -> None:
    async with database.writing() as session:
        changed = update(Grant).where(Grant.id == made.id)
        await session.execute(changed.values(starts_at=starts_at, expires_at=expires_at))


async def test_coupons_are_spent_before_tokens_by_priority_then_by_what_expires_sooner(granted, pay, database, owner):
    await give(database, owner.id, 10, Currency.EAML)
    tokens = await granted(owner.user, 1, "EAML", priority=1)
    late = await granted(owner.user, 1, priority=5)
    soon = await granted(owner.user, 1, priority=5, expiresAt=FAR.isoformat())
    first = await granted(owner.user, 1, priority=2)
    for expected in ([1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]):
        await pay(1)
        assert await left(database, tokens, late, soon, first) == expected
    await pay(1)
    async with database.reading() as session:
        assert (await balances_of(session, [owner.id]))[owner.id].eaml == 9
    assert await broken(database) == {}


async def test_one_job_is_paid_from_all_of_them_and_what_is_not_posted_returns(granted, pay, database, owner):
    await give(database, owner.id, 10, Currency.EAML)
    coupon, tokens = await granted(owner.user, 2), await granted(owner.user, 3, "EAML")
    assert [amount for _, amount in await pay(9, post=6)] == [1, 2, 3]
    assert await left(database, coupon, tokens) == [0, 0]
    async with database.reading() as session:
        revenue = select(LedgerAccount.currency, func.sum(LedgerAccount.balance)).where(
            LedgerAccount.kind == AccountKind.REVENUE
        )
        came = dict((await session.execute(revenue.group_by(LedgerAccount.currency))).all())
    assert came == {Currency.COUPON: 2, Currency.EAML: 4}
    assert await broken(database) == {}


async def test_a_grant_pays_for_what_it_is_for_alone(granted, pay, database, owner):
    made = await granted(owner.user, 5, paysFor=["PREDICTION", "AI_JOB"])
    with pytest.raises(InsufficientFunds) as refused:
        await pay(1)
    assert refused.value.available == 0
    await pay(1, OperationCause.AI_JOB)
    assert await left(database, made) == [4]


async def test_it_is_spendable_before_its_end_and_not_at_it_swept_or_not(granted, pay, database, owner):
    made = await granted(owner.user, 5)
    # Exactly now: the clock is read later, so this instant is its end or after it.
    async with database.reading() as session:
        now = (await session.scalars(select(func.clock_timestamp()))).one()
    await move_end(database, made, expires_at=now + HOUR)
    await pay(1)
    await move_end(database, made, expires_at=now)
    with pytest.raises(InsufficientFunds):
        await pay(1)
    async with database.reading() as session:
        assert (await balances_of(session, [owner.id]))[owner.id].coupon == 0
    assert await left(database, made) == [4]
    async with database.writing() as session:
        assert await grants.end_due(session) == 1
        assert await grants.end_due(session) == 0
    assert await left(database, made) == [0]
    assert await broken(database) == {}


async def test_it_is_not_spendable_before_its_start(granted, pay, database, owner):
    made = await granted(owner.user, 5, startsAt=FAR.isoformat())
    with pytest.raises(InsufficientFunds):
        await pay(1)
    await move_end(database, made)
    await pay(1)


async def test_what_is_held_of_a_grant_still_pays_after_its_end(granted, database, owner):
    made = await granted(owner.user, 5)
    async with database.writing() as session:
        held = await reservations.hold(session, owner.id, Decimal(2), Purpose(OperationCause.TRAINING), for_=HOUR)
    await move_end(database, made, expires_at=LONG_AGO + HOUR)
    async with database.writing() as session:
        await grants.end_due(session)
    assert await left(database, made) == [2]
    async with database.writing() as session:
        await reservations.post(session, held.id, Decimal(1))
    async with database.writing() as session:
        await grants.end_due(session)
    assert await left(database, made) == [0]
    async with database.reading() as session:
        assert (await session.get_one(Grant, made.id)).ended_at is not None
    assert await broken(database) == {}


async def test_nothing_of_a_grant_goes_to_anybody_else_or_into_a_commission(granted, database, owner, other):
    coupon, tokens = await granted(owner.user, 5), await granted(owner.user, 5, "EAML")
    async with database.writing() as session:
        theirs = await ledger.wallet(session, other.id, Currency.EAML)
        commission = await ledger.platform(session, AccountKind.COMMISSION, Currency.EAML)
        revenue = await ledger.platform(session, AccountKind.REVENUE, Currency.EAML)
    spend = (
        "WITH made AS (INSERT INTO operations (uuid, kind, cause) VALUES (gen_random_uuid(), 'TRAINING', 'TRAINING') "
        "RETURNING id) INSERT INTO ledger_entries (operation_id, account_id, change) "
        "SELECT id, unnest(%s::bigint[]), unnest(%s::numeric[]) FROM made"
    )
    with psycopg.connect(plain_url(str(settings.database_url))) as connection:
        assert attack(connection, spend, [tokens.account_id, theirs], [-1, 1]) == "ck_operations_grant"
        assert attack(connection, spend, [tokens.account_id, commission], [-1, 1]) == "ck_operations_grant"
        assert attack(connection, spend, [tokens.account_id, revenue], [-1, 1]) == "done"
        assert attack(connection, spend, [coupon.account_id, theirs], [-1, 1]) == "ck_operations_grant"
        wallet = "INSERT INTO ledger_accounts (kind, currency, user_id) VALUES ('WALLET', 'COUPON', %s)"
        assert attack(connection, wallet, other.id) == "ck_ledger_accounts_coupon"


async def test_staff_give_and_end_grants_and_the_user_sees_them(ask, change, granted, database, owner, other, staff):
    made = await granted(owner.user, "2.5", paysFor=["TRAINING"])
    seen = "{ grants(spendable: true) { nodes { name currency amount balance paysFor } } me { couponBalance } }"
    answer = await ask(seen, viewer=owner)
    [shown] = answer["grants"]["nodes"]
    assert shown == {
        "name": "Welcome",
        "currency": "COUPON",
        "amount": "2.50000000",
        "balance": "2.50000000",
        "paysFor": ["TRAINING"],
    }
    assert answer["me"]["couponBalance"] == "2.50000000"
    assert (await ask(seen, viewer=other))["grants"]["nodes"] == []
    await change("endGrant", "endedAt", viewer=staff, id=ids.encode(made))
    assert (await ask(seen, viewer=owner))["grants"]["nodes"] == []
    assert await left(database, made) == [0]
    async with database.writing() as session:
        with pytest.raises(Conflict, match="ended already"):
            await grants.end_grant(session, Viewer(staff.id, is_staff=True), made.id)
    assert await broken(database) == {}


async def test_what_cannot_be_granted_is_refused_and_nothing_is_moved(refuse, database, owner, staff):
    good = {"userId": ids.encode(owner.user), "name": "A", "currency": "COUPON", "amount": "1", "reason": "B."}
    for wrong, code in (
        ({"amount": "0"}, "INVALID_INPUT"),
        ({"amount": "-1"}, "INVALID_INPUT"),
        ({"currency": "USD"}, "INVALID_INPUT"),
        ({"priority": 0}, "INVALID_INPUT"),
        ({"priority": 51}, "INVALID_INPUT"),
        ({"paysFor": []}, "INVALID_INPUT"),
        ({"paysFor": ["CONSULTING"]}, "INVALID_INPUT"),
        ({"expiresAt": LONG_AGO.isoformat()}, "INVALID_INPUT"),
        ({"startsAt": FAR.isoformat(), "expiresAt": FAR.isoformat()}, "INVALID_INPUT"),
        ({"name": " "}, "INVALID_INPUT"),
        ({"reason": ""}, "INVALID_INPUT"),
    ):
        assert (await refuse("grantCredit", viewer=staff, **good | wrong))["code"] == code, wrong
    assert (await refuse("grantCredit", viewer=owner, **good))["code"] == "FORBIDDEN"
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Operation)) == 0


async def test_what_a_reservation_holds_of_grants_is_part_of_it(granted, database, owner):
    coupon = await granted(owner.user, 2)
    await give(database, owner.id, 5, Currency.EAML)
    async with database.writing() as session:
        held = await reservations.hold(session, owner.id, Decimal(3), Purpose(OperationCause.TRAINING), for_=HOUR)
        parts = select(ReservationPart.account_id, ReservationPart.amount).order_by(ReservationPart.id)
        rows = (await session.execute(parts.where(ReservationPart.reservation_id == held.id))).all()
        assert [row.amount for row in rows] == [2, 1]
        assert rows[0].account_id == coupon.account_id
        assert await holds.available_for(session, owner.id, OperationCause.TRAINING) == 4
        await reservations.void(session, held.id)
        assert await holds.available_for(session, owner.id, OperationCause.TRAINING) == 7
        assert (await session.get_one(Reservation, held.id)).posted == 0


async def test_two_of_the_staff_adjust_a_balance(ask, change, refuse, database, owner, staff, other_staff):
    proposed = await change(
        "proposeAdjustment",
        "id state",
        viewer=staff,
        userId=ids.encode(owner.user),
        currency="USD",
        change="5",
        reason="A double charge.",
    )
    assert proposed["state"] == "PROPOSED"
    assert (await ask("{ me { userBalance } }", viewer=owner))["me"]["userBalance"] == "0.00000000"
    refused = await refuse("postAdjustment", viewer=staff, id=proposed["id"])
    assert (refused["code"], "Somebody else" in refused["message"]) == ("FORBIDDEN", True)
    assert (await refuse("postAdjustment", viewer=owner, id=proposed["id"]))["code"] == "FORBIDDEN"
    made = await change("postAdjustment", "state operation { cause reason }", viewer=other_staff, id=proposed["id"])
    assert (made["state"], made["operation"]) == ("POSTED", {"cause": "ADJUSTMENT", "reason": "A double charge."})
    assert (await refuse("postAdjustment", viewer=other_staff, id=proposed["id"]))["code"] == "CONFLICT"
    assert (await ask("{ me { userBalance } }", viewer=owner))["me"]["userBalance"] == "5.00000000"
    assert await broken(database) == {}


async def test_an_adjustment_takes_no_more_than_there_is(change, refuse, database, owner, staff, other_staff):
    about = {"userId": ids.encode(owner.user), "currency": "USD", "reason": "A mistake."}
    proposed = await change("proposeAdjustment", "id", viewer=staff, change="-1", **about)
    answer = await refuse("postAdjustment", viewer=other_staff, id=proposed["id"])
    assert (answer["code"], answer["required"]) == ("INSUFFICIENT_FUNDS", "1.00000000")
    made = await change("rejectAdjustment", "state operation { id }", viewer=staff, id=proposed["id"])
    assert (made["state"], made["operation"]) == ("REJECTED", None)
    for wrong in ({"change": "0"}, {"currency": "COUPON"}, {"reason": " "}):
        answer = await refuse("proposeAdjustment", viewer=staff, **{"change": "1"} | about | wrong)
        assert answer["code"] == "INVALID_INPUT", wrong


async def test_nobody_of_the_staff_gives_to_themselves(change, refuse, staff, other_staff):
    mine = {"userId": ids.encode(staff.user)}
    answer = await refuse("topUpBalance", viewer=staff, usd="1", reason="A transfer.", **mine)
    assert (answer["code"], "Somebody else" in answer["message"]) == ("FORBIDDEN", True)
    proposed = await change(
        "proposeAdjustment", "id", viewer=other_staff, currency="USD", change="1", reason="A gift.", **mine
    )
    assert (await refuse("postAdjustment", viewer=staff, id=proposed["id"]))["code"] == "FORBIDDEN"


async def test_staff_top_up_once_per_key(api, ask, owner, staff, refuse):
    shown = "... on Operation { uuid } ... on Problem { code }"
    document = f"mutation ($input: TopUpBalanceInput!) {{ topUpBalance(input: $input) {{ {shown} }} }}"
    body = {"userId": ids.encode(owner.user), "usd": "12.5", "reason": "Transfer 17."}
    headers = {"Authorization": f"Bearer {staff.token}", "Idempotency-Key": str(uuid4())}
    sent = {"json": {"query": document, "variables": {"input": body}}, "headers": headers}
    came = [(await api.post("/graphql", **sent)).json()["data"]["topUpBalance"]["uuid"] for _ in range(2)]
    assert came[0] == came[1]
    sent["json"]["variables"]["input"] = body | {"usd": "13"}
    assert (await api.post("/graphql", **sent)).json()["data"] == {"topUpBalance": {"code": "CONFLICT"}}
    assert (await ask("{ me { userBalance } }", viewer=owner))["me"]["userBalance"] == "12.50000000"
    assert (await refuse("topUpBalance", viewer=owner, **body))["code"] == "FORBIDDEN"
