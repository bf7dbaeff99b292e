"""Answers for others: they pay the price to the seller and the fee to the platform, once, and only for answers."""

import asyncio
from decimal import Decimal
from uuid import uuid4

import pytest
from sqlalchemy import select

from app.errors import Conflict
from app.models.billing.ledger import Currency, LedgerEntry, Operation, OperationCause
from app.services.automl.answering import asking
from app.settings import settings
from resolvers import ids
from tests import factories
from tests.automl.learned import SIZE
from tests.automl.shops import Shop, call, commission, listing_of, suspend, usd
from tests.billing.books import broken, give

ROWS = [{SIZE: 1}, {SIZE: 2}]


@pytest.fixture
def shop(change, database, other):
    return Shop(change, database, other)


@pytest.fixture
async def sold(shop):
    """A machine whose answers cost 0.5 US dollars each."""
    machine = await shop.machine()
    await shop.offer(machine, "API_SOLVING", "0.5", licence="Terms of use", licenceTerms="No war.")
    return machine


async def operations(database, cause=OperationCause.MARKET_SOLVING):
    async with database.reading() as session:
        return (await session.scalars(select(Operation).where(Operation.cause == cause).order_by(Operation.id))).all()


async def test_l18_the_caller_pays_price_and_fee_and_the_seller_gets_the_rest(
    api, sold, database, owner, other, monkeypatch
):
    monkeypatch.setattr(settings, "machine_solving_price_tokens", Decimal("0.1"))
    await give(database, owner.id, 10)
    await give(database, owner.id, 10, Currency.EAML)
    answered = await call(api, owner, sold, ROWS, expectedPriceUsd="0.5")
    assert len(answered["rows"]) == 2
    assert (await usd(database, owner.id), await usd(database, other.id)) == (9, Decimal("0.9"))
    assert await commission(database) == Decimal("0.1")
    price, fee = await operations(database)
    assert (price.operation_user_id, price.owner_user_id, price.count_of_lines) == (owner.id, other.id, 2)
    assert (fee.operation_user_id, fee.owner_user_id, fee.count_of_lines) == (owner.id, owner.id, 2)
    async with database.reading() as session:
        of_call = LedgerEntry.operation_id.in_([price.id, fee.id])
        # Three inputs and two outputs, 0.1 for each of two lines.
        assert sorted(
            (each.currency.value, each.change) for each in await session.scalars(select(LedgerEntry).where(of_call))
        ) == [
            ("EAML", -1),
            ("EAML", 1),
            ("USD", -1),
            ("USD", Decimal("0.1")),
            ("USD", Decimal("0.9")),
        ]
    assert await broken(database) == {}


async def test_coupons_pay_the_fee_and_no_price_and_no_commission(
    api, sold, change, database, owner, other, staff, monkeypatch
):
    monkeypatch.setattr(settings, "machine_solving_price_tokens", Decimal("0.1"))
    given = {"name": "Welcome", "reason": "New.", "currency": "COUPON", "amount": "100"}
    await change("grantCredit", viewer=staff, userId=ids.encode(owner.user), **given)
    refused = await call(api, owner, sold, ROWS)
    assert (refused["code"], refused["currency"], refused["required"]) == ("INSUFFICIENT_FUNDS", "USD", "1.00000000")
    await give(database, owner.id, 1)
    assert "rows" in await call(api, owner, sold, ROWS)
    assert (await usd(database, other.id), await commission(database)) == (Decimal("0.9"), Decimal("0.1"))
    assert await broken(database) == {}


async def test_without_the_fee_nothing_is_answered_and_nothing_is_paid(api, sold, database, owner, other, monkeypatch):
    monkeypatch.setattr(settings, "machine_solving_price_tokens", Decimal("0.1"))
    await give(database, owner.id, 10)
    refused = await call(api, owner, sold, ROWS)
    assert (refused["code"], refused["currency"]) == ("INSUFFICIENT_FUNDS", "EAML")
    assert (await usd(database, owner.id), await usd(database, other.id)) == (10, 0)


async def test_who_uses_a_machine_pays_no_price(api, shop, change, database, owner, other):
    team = await factories.team(database, other.id, owner.id)
    machine = await shop.machine(machine_owner_team_id=team.id)
    await shop.offer(machine, "API_SOLVING", "0.5")
    for viewer in (other, owner):
        assert len((await call(api, viewer, machine, ROWS))["rows"]) == 2
    assert await operations(database) == []
    assert (await listing_of(database, await shop.offer(machine, "API_SOLVING", "0.5"))).buyers_count == 0


async def test_no_answer_costs_nothing(api, sold, database, owner, other, monkeypatch):
    await give(database, owner.id, 10)
    assert (await call(api, owner, sold, [{"nothing": 1}]))["code"] == "INVALID_INPUT"

    async def breaks(*_, **__):
        raise Conflict("It broke.")

    monkeypatch.setattr(asking, "solve", breaks)
    assert (await call(api, owner, sold, ROWS))["code"] == "CONFLICT"
    assert (await usd(database, owner.id), await usd(database, other.id)) == (10, 0)
    assert await operations(database) == []


async def test_a_repeated_call_is_charged_once(api, sold, database, owner, other):
    await give(database, owner.id, 10)
    key = str(uuid4())
    first, again = [await call(api, owner, sold, ROWS, key=key) for _ in range(2)]
    assert first == again
    assert await usd(database, owner.id) == 9


async def test_a_call_that_costs_needs_a_key(refuse, sold, database, owner):
    await give(database, owner.id, 10)
    refused = await refuse("solve", viewer=owner, machineId=ids.encode(sold), rows=ROWS)
    assert (refused["code"], "idempotency key" in refused["message"]) == ("BAD_REQUEST", True)


async def test_another_price_than_expected_is_not_charged(api, sold, database, owner):
    await give(database, owner.id, 10)
    for odd, code in (("0.49", "CONFLICT"), ("1", "CONFLICT"), ("-1", "INVALID_INPUT")):
        assert (await call(api, owner, sold, ROWS, expectedPriceUsd=odd))["code"] == code
    assert await usd(database, owner.id) == 10


@pytest.mark.parametrize("how", ["price", "unlist", "suspend"])
async def test_what_changes_while_it_is_answered_is_not_charged(
    api, sold, change, database, owner, other, monkeypatch, how
):
    await give(database, owner.id, 10)
    solved = asking.solve

    async def slowly(asked, rows, **more):
        given = {"id": ids.encode(sold)}
        if how == "price":
            await change("updateMachine", viewer=other, machineApiSolvingPriceUsd="0.7", **given)
        elif how == "unlist":
            await change("updateMachine", viewer=other, machineApiSolvingIsPublic=False, **given)
        else:
            await suspend(database, other.id)
        return await solved(asked, rows, **more)

    monkeypatch.setattr(asking, "solve", slowly)
    refused = await call(api, owner, sold, ROWS)
    assert (refused["code"], "Nothing was charged" in refused["message"]) == ("CONFLICT", True)
    assert (await usd(database, owner.id), await usd(database, other.id)) == (10, 0)


async def test_a_suspended_seller_answers_nobody_but_those_who_use_the_machine(api, sold, database, owner, other):
    await give(database, owner.id, 10)
    await suspend(database, other.id)
    assert (await call(api, owner, sold, ROWS))["code"] == "CONFLICT"


async def test_calls_at_once_spend_no_more_than_there_is(api, sold, database, owner, other):
    await give(database, owner.id, 2)
    came = await asyncio.gather(*(call(api, owner, sold, ROWS) for _ in range(5)))
    assert sorted(each.get("code", "done") for each in came) == ["INSUFFICIENT_FUNDS"] * 3 + ["done"] * 2
    assert (await usd(database, owner.id), await usd(database, other.id)) == (0, Decimal("1.8"))
    assert await broken(database) == {}


async def test_a_seller_limits_what_an_account_asks_in_a_day(api, shop, ask, database, owner, other):
    machine = await shop.machine()
    await shop.offer(machine, "API_SOLVING", "0", callerLinesPerDayNotice=3, callerLinesPerDayMax=5)
    for _ in range(2):
        assert "rows" in await call(api, owner, machine, ROWS)
    refused = await call(api, owner, machine, ROWS)
    assert (refused["code"], "1 left today" in refused["message"]) == ("CONFLICT", True)
    assert "rows" in await call(api, owner, machine, ROWS[:1])
    told = [each["message"] for each in (await ask(NOTIFIED, viewer=owner))["notifications"]["nodes"]]
    assert told == ["A machine of the market has answered 4 of your lines today. It answers at most 5."]
    third = await factories.user(database, "third")
    assert "rows" in await call(api, third, machine, ROWS)


NOTIFIED = "{ notifications { nodes { message } } }"


async def test_calls_at_once_keep_to_the_limit_of_the_day(api, shop, database, owner, other):
    machine = await shop.machine()
    listing = await shop.offer(machine, "API_SOLVING", "0", callerLinesPerDayMax=4)
    came = await asyncio.gather(*(call(api, owner, machine, ROWS) for _ in range(4)))
    assert sorted(each.get("code", "done") for each in came) == ["CONFLICT", "CONFLICT", "done", "done"]
    assert (await listing_of(database, listing)).buyers_count == 1


async def test_callers_see_their_usage_and_sellers_their_income_without_names(
    api, sold, ask, change, database, owner, other, staff
):
    third = await factories.user(database, "third")
    for caller in (owner, third):
        await give(database, caller.user.id, 10)
        for _ in range(2):
            await call(api, caller, sold, ROWS)
    shown = "{ listingUsages { nodes { callsCount linesCount priceUsd licence licenceTerms listing { kind } } } }"
    assert (await ask(shown, viewer=owner))["listingUsages"]["nodes"] == [
        {
            "callsCount": 2,
            "linesCount": 4,
            "priceUsd": "2.00000000",
            "licence": "Terms of use",
            "licenceTerms": "No war.",
            "listing": {"kind": "API_SOLVING"},
        }
    ]
    income = """{ marketIncome(since: "2020-01-01", until: "2020-12-31") { day } }"""
    assert (await ask(income, viewer=other))["marketIncome"] == []
    [(since, until)] = await _days(database)
    asked = f"""{{ marketIncome(since: "{since}", until: "{until}") {{
        cause salesCount linesCount grossUsd commissionUsd netUsd machineId machine {{ machineName }} }} }}"""
    assert (await ask(asked, viewer=other))["marketIncome"] == [
        {
            "cause": "MARKET_SOLVING",
            "salesCount": 4,
            "linesCount": 8,
            "grossUsd": "4.00000000",
            "commissionUsd": "0.40000000",
            "netUsd": "3.60000000",
            "machineId": ids.encode(sold),
            "machine": {"machineName": "Cells"},
        }
    ]
    assert (await ask(asked, viewer=owner))["marketIncome"] == []
    names = "{ operations { nodes { operationUser { username } } } billings { nodes { operationUser { username } } } }"
    for_seller = await ask(names, viewer=other)
    assert len(for_seller["operations"]["nodes"]) == 4
    assert "owner" not in str(for_seller)
    assert "third" not in str(for_seller)
    assert "'owner'" in str(await ask(names, viewer=owner))
    assert "'owner'" in str(await ask(names, viewer=staff))
    listed = """{ purchases { totalCount } listingUsages { totalCount } credits { nodes { user { username }
        operation { operationUser { username } entries { nodes { user { username } } } } } } }"""
    seen = await ask(listed, viewer=other)
    assert (seen["purchases"]["totalCount"], seen["listingUsages"]["totalCount"]) == (0, 0)
    assert "owner" not in str(seen)


async def _days(database):
    async with database.reading() as session:
        made = (await session.scalars(select(Operation.created_at))).all()
    return [(min(made).date(), max(made).date())]


async def test_what_answers_would_cost_is_told_before(ask, sold, shop, database, owner, other, monkeypatch):
    monkeypatch.setattr(settings, "machine_solving_price_tokens", Decimal("0.1"))
    await give(database, owner.id, 3)
    query = """query($id: ID!) { estimateSolving(machineId: $id, lines: 4) {
        priceUsd feeTokens availableUsd availableTokens isAffordable } }"""
    assert (await ask(query, viewer=owner, id=ids.encode(sold)))["estimateSolving"] == {
        "priceUsd": "2.00000000",
        "feeTokens": "2.00000000",
        "availableUsd": "3.00000000",
        "availableTokens": "0.00000000",
        "isAffordable": False,
    }
    own = (await ask(query, viewer=other, id=ids.encode(sold)))["estimateSolving"]
    assert (own["priceUsd"], own["feeTokens"]) == ("0.00000000", "2.00000000")


async def test_the_former_client_is_sent_to_solve_for_what_costs(api, sold, database, owner):
    await give(database, owner.id, 10)
    key = await api.post(
        "/api/predict/",
        json={"machine_name": "Cells", "data": ROWS},
        headers={"Authorization": f"Bearer {owner.token}"},
    )
    assert (key.status_code >= 400, await usd(database, owner.id)) == (True, 10)
