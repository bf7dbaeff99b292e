"""Buying lines and copies: once, at the price that was expected, kept for good, and paid for what came."""

import asyncio
from decimal import Decimal
from uuid import uuid4

import pytest

from app.models.automl.lines import MachineLine
from app.models.billing.ledger import Currency
from app.settings import settings
from resolvers import ids
from tests import factories
from tests.automl.shops import (
    BOUGHT,
    Shop,
    commission,
    lines_of,
    listing_of,
    machine_of,
    suspend,
    usd,
)
from tests.billing.books import broken, give

TERMS = {"licence": "CC-BY-4.0", "licenceTerms": "Name the author.", "summary": "Cells of a field."}


@pytest.fixture
def shop(change, database, other):
    return Shop(change, database, other)


@pytest.fixture
def buy(change, owner):
    async def buy(listing, price="5", viewer=None, **more):
        given = {"id": listing, "expectedPriceUsd": price, **more}
        return await change("buyListing", BOUGHT, viewer=viewer or owner, **given)

    return buy


@pytest.fixture
def lines_seen(ask):
    async def lines_seen(viewer, machine):
        query = "query($id: ID!) { dataInputLines(machineId: $id) { totalCount } }"
        return (await ask(query, viewer=viewer, id=ids.encode(machine)))["dataInputLines"]["totalCount"]

    return lines_seen


async def test_lines_that_were_bought_can_be_read_and_the_seller_is_paid(shop, buy, lines_seen, database, owner, other):
    await give(database, owner.id, 20)
    machine = await shop.machine()
    listing = await shop.offer(machine, "DATA_SOURCE", "5.55", **TERMS)
    assert await lines_seen(owner, machine) == 0
    bought = await buy(listing, "5.55")
    assert bought | {"id": None} == {
        "__typename": "Purchase",
        "id": None,
        "kind": "DATA_SOURCE",
        "state": "COMPLETED",
        "priceUsd": "5.55000000",
        "licence": "CC-BY-4.0",
        "licenceTerms": "Name the author.",
        "machineName": "Cells",
        "machine": {"id": ids.encode(machine)},
        "copy": None,
        "operation": {"kind": "BUY_DATA_SOURCE", "cause": "DATA_SOURCE"},
    }
    assert await lines_seen(owner, machine) == 8
    assert await usd(database, owner.id) == Decimal("14.45")
    assert await usd(database, other.id) == Decimal("4.995")
    assert await commission(database) == Decimal("0.555")
    assert await broken(database) == {}


async def test_a_copy_is_paid_once_its_lines_are_there(shop, buy, work, look, database, owner, other):
    await give(database, owner.id, 20)
    machine = await shop.machine()
    bought = await buy(await shop.offer(machine, "MACHINE_COPY", **TERMS), name="Mine")
    assert (bought["state"], bought["operation"], bought["copy"]["status"]) == ("PENDING", None, "LOADING")
    assert (await usd(database, owner.id), await usd(database, other.id)) == (20, 0)
    await work()
    assert (await usd(database, owner.id), await usd(database, other.id)) == (15, Decimal("4.5"))
    copy = await look(
        bought["copy"]["id"], "machineName status learningLineCount machineOriginal { id } isReadyToSolve"
    )
    assert (copy["machineName"], copy["status"], copy["isReadyToSolve"]) == ("Mine", "READY", False)
    assert copy["machineOriginal"]["id"] == ids.encode(machine)
    assert len(await lines_of(database, (await machine_of(database, bought["copy"]["id"])).id)) == 8
    assert await broken(database) == {}


async def test_a_copy_that_cannot_be_made_costs_nothing(shop, buy, change, ask, work, database, owner, other):
    await give(database, owner.id, 20)
    machine = await shop.machine()
    bought = await buy(await shop.offer(machine, "MACHINE_COPY"))
    await change("deleteMachine", viewer=other, id=ids.encode(machine))
    async with database.writing() as session:
        job_key = (await session.get_one(type(machine), ids.key(bought["copy"]["id"], type(machine)))).job_id
    from jobs.broker import WORKS  # noqa: PLC0415
    from jobs.run import attempt  # noqa: PLC0415

    await attempt(database, WORKS["COPY_MACHINE"], job_key, asyncio.Event())
    assert (await usd(database, owner.id), await usd(database, other.id)) == (20, 0)
    [purchase] = (await ask("{ purchases { nodes { state operation { uuid } } } }", viewer=owner))["purchases"]["nodes"]
    assert purchase == {"state": "FAILED", "operation": None}
    assert await broken(database) == {}


async def test_an_update_replaces_the_lines_that_came_with_a_copy(shop, buy, change, work, database, owner, other):
    await give(database, owner.id, 20)
    machine = await shop.machine()
    bought = await buy(await shop.offer(machine, "MACHINE_COPY", updatePriceUsd="2"))
    await work()
    copy_key = (await machine_of(database, bought["copy"]["id"])).id
    mine = {"is_for_learning": True, "has_outputs": True, "values": [-1.0, "green", None, "Nein", 1.0, None]}
    await factories.add(database, MachineLine(machine_id=copy_key, **mine))
    newer = {"is_for_learning": True, "has_outputs": True, "values": [99.0, "2", None, "Ja", 9.0, None]}
    await factories.add(database, MachineLine(machine_id=machine.id, **newer))
    given = {"id": bought["id"], "expectedPriceUsd": "2"}
    updated = await change("buyCopyUpdate", BOUGHT, viewer=owner, **given)
    assert (updated["kind"], updated["state"], updated["priceUsd"]) == ("MACHINE_COPY_UPDATE", "PENDING", "2.00000000")
    refused = await change("buyCopyUpdate", BOUGHT, viewer=owner, **given)
    assert refused["code"] == "CONFLICT"
    from jobs.broker import WORKS  # noqa: PLC0415
    from jobs.run import attempt  # noqa: PLC0415

    await attempt(
        database, WORKS["UPDATE_COPY"], (await machine_of(database, bought["copy"]["id"])).job_id, asyncio.Event()
    )
    sizes = sorted(line.values[0] for line in await lines_of(database, copy_key))
    assert sizes == [-1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 99.0]
    assert (await usd(database, owner.id), await usd(database, other.id)) == (13, Decimal("6.3"))
    assert await broken(database) == {}


async def test_what_was_bought_stays_when_the_offer_ends_the_seller_is_suspended_or_the_machine_deleted(
    shop, buy, change, ask, lines_seen, database, owner, other
):
    await give(database, owner.id, 20)
    machine = await shop.machine()
    listing = await shop.offer(machine, "DATA_SOURCE", **TERMS)
    await buy(listing)
    await shop.offer(machine, "DATA_SOURCE", "9", licence="None")
    closed = await change("unlistMachine", "isOpen", viewer=other, id=listing)
    assert closed["isOpen"] is False
    await change("deleteMachine", viewer=other, id=ids.encode(machine))
    await suspend(database, other.id)
    assert await lines_seen(owner, machine) == 8
    shown = "{ purchases { nodes { priceUsd licence licenceTerms machine { machineName } listing { isOpen } } } }"
    [purchase] = (await ask(shown, viewer=owner))["purchases"]["nodes"]
    assert purchase == {
        "priceUsd": "5.00000000",
        "licence": "CC-BY-4.0",
        "licenceTerms": "Name the author.",
        "machine": {"machineName": "Cells"},
        "listing": {"isOpen": False},
    }


async def test_what_is_not_sold_is_refused_and_nothing_moves(shop, refuse, change, database, owner, other, staff):
    await give(database, owner.id, 20)
    await give(database, other.id, 20)
    machine = await shop.machine()
    lines, copies = [await shop.offer(machine, kind) for kind in ("DATA_SOURCE", "MACHINE_COPY")]
    answers = await shop.offer(machine, "API_SOLVING", "1")

    async def code(listing, price="5", viewer=owner):
        return (await refuse("buyListing", viewer=viewer, id=listing, expectedPriceUsd=price))["code"]

    assert await code(lines, viewer=other) == "CONFLICT"
    assert await code(lines, viewer=None) == "UNAUTHENTICATED"
    assert await code(lines, "4.99999999") == "CONFLICT"
    assert await code(answers, "1") == "INVALID_INPUT"
    poor = await refuse("buyListing", viewer=staff, id=lines, expectedPriceUsd="5")
    assert (poor["code"], poor["required"], poor["available"], poor["currency"]) == (
        "INSUFFICIENT_FUNDS",
        "5.00000000",
        "0.00000000",
        "USD",
    )
    for odd in ("NaN", "1e30", "1,5", "5 EUR", "5e-9"):
        assert await code(lines, odd) in {"BAD_REQUEST", "CONFLICT", "INVALID_INPUT"}, odd
    assert await code(lines, "-5") == "INVALID_INPUT"
    await change("unlistMachine", viewer=other, id=lines)
    assert await code(lines) == "NOT_FOUND"
    await suspend(database, other.id)
    assert await code(copies) == "NOT_FOUND"


async def test_the_same_is_bought_once(shop, buy, refuse, change, work, database, owner, other):
    await give(database, owner.id, 50)
    machine = await shop.machine()
    for kind in ("DATA_SOURCE", "MACHINE_COPY"):
        listing = await shop.offer(machine, kind)
        first = await buy(listing)
        again = await refuse("buyListing", viewer=owner, id=listing, expectedPriceUsd="5")
        assert (again["code"], "bought this already" in again["message"]) == ("CONFLICT", True)
    assert (await listing_of(database, listing)).buyers_count == 1
    await work()
    # A copy that was deleted may be bought again.
    await change("deleteMachine", viewer=owner, id=first["copy"]["id"])
    await work()
    assert (await buy(listing))["state"] == "PENDING"


async def test_a_repeated_request_is_answered_alike_and_charged_once(shop, api, database, owner, other):
    await give(database, owner.id, 20)
    listing = await shop.offer(await shop.machine(), "DATA_SOURCE")
    document = f"""mutation($input: BuyListingInput!) {{ buyListing(input: $input) {{
        ... on Purchase {{ id {BOUGHT} }} ... on Problem {{ code }} }} }}"""
    body = {"query": document, "variables": {"input": {"id": listing, "expectedPriceUsd": "5"}}}
    headers = {"Authorization": f"Bearer {owner.token}"}
    without = (await api.post("/graphql", json=body, headers=headers)).json()
    assert without["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    headers["Idempotency-Key"] = str(uuid4())
    first, again = [(await api.post("/graphql", json=body, headers=headers)).json()["data"] for _ in range(2)]
    assert first == again
    assert await usd(database, owner.id) == 15


async def test_of_purchases_at_once_one_is_charged(shop, buy, database, owner, other):
    await give(database, owner.id, 50)
    listing = await shop.offer(await shop.machine(), "DATA_SOURCE")
    came = await asyncio.gather(*(buy(listing) for _ in range(4)))
    assert sorted(each.get("code", "done") for each in came) == ["CONFLICT", "CONFLICT", "CONFLICT", "done"]
    assert (await usd(database, owner.id), await usd(database, other.id)) == (45, Decimal("4.5"))
    assert await broken(database) == {}


async def test_money_for_one_of_two_buys_one(shop, buy, database, owner, other):
    await give(database, owner.id, 7)
    offers = [await shop.offer(await shop.machine(machine_name=name), "DATA_SOURCE") for name in ("a", "b")]
    came = await asyncio.gather(*(buy(each) for each in offers))
    assert sorted(each.get("code", "done") for each in came) == ["INSUFFICIENT_FUNDS", "done"]
    assert await usd(database, owner.id) == 2


@pytest.mark.parametrize("how", ["unlist", "price"])
async def test_a_purchase_while_the_offer_changes_is_at_the_expected_price_or_not_at_all(
    shop, buy, change, database, owner, other, how
):
    await give(database, owner.id, 50)
    machine = await shop.machine()
    listing = await shop.offer(machine, "DATA_SOURCE")

    async def alter():
        if how == "unlist":
            return await change("unlistMachine", viewer=other, id=listing)
        given = {"id": ids.encode(machine), "machineDataSourcePriceUsd": "7"}
        return await change("updateMachine", viewer=other, **given)

    altered, came = await asyncio.gather(alter(), buy(listing))
    assert "code" not in altered
    assert await usd(database, owner.id) == (45 if "code" not in came else 50)
    if "code" in came:
        assert came["code"] in {"CONFLICT", "NOT_FOUND"}
    assert await broken(database) == {}


async def test_coupons_buy_nothing_of_others(shop, refuse, change, database, owner, other, staff):
    given = {"name": "Welcome", "reason": "New.", "currency": "COUPON", "amount": "100"}
    await change("grantCredit", viewer=staff, userId=ids.encode(owner.user), **given)
    await give(database, owner.id, 100, Currency.EAML)
    listing = await shop.offer(await shop.machine(), "DATA_SOURCE")
    refused = await refuse("buyListing", viewer=owner, id=listing, expectedPriceUsd="5")
    assert (refused["code"], refused["currency"], refused["available"]) == ("INSUFFICIENT_FUNDS", "USD", "0.00000000")


async def test_limits_that_a_buyer_sets_hold_in_the_market(shop, buy, refuse, change, ask, database, owner, other):
    await give(database, owner.id, 50)
    await change("updateSpendingRules", viewer=owner, monthUsdMax="8", monthUsdNotice="4")
    offers = [await shop.offer(await shop.machine(machine_name=name), "DATA_SOURCE") for name in ("a", "b")]
    assert "code" not in await buy(offers[0])
    shown = "{ spendingRules { spentUsdThisMonth } notifications { nodes { message } } }"
    seen = await ask(shown, viewer=owner)
    assert seen["spendingRules"]["spentUsdThisMonth"] == "5.00000000"
    assert "5 US dollars so far" in str(seen["notifications"])
    refused = await refuse("buyListing", viewer=owner, id=offers[1], expectedPriceUsd="5")
    assert (refused["code"], refused["available"]) == ("INSUFFICIENT_FUNDS", "3.00000000")


async def test_a_team_uses_its_machine_and_buys_nothing_of_it(shop, refuse, database, owner, other):
    team = await factories.team(database, other.id, owner.id)
    listing = await shop.offer(await shop.machine(machine_owner_team_id=team.id), "DATA_SOURCE")
    refused = await refuse("buyListing", viewer=owner, id=listing, expectedPriceUsd="5")
    assert (refused["code"], "team" in refused["message"]) == ("CONFLICT", True)


async def test_free_offers_are_bought_without_money(shop, buy, lines_seen, database, owner, other):
    machine = await shop.machine()
    bought = await buy(await shop.offer(machine, "DATA_SOURCE", "0"), "0")
    assert (bought["state"], bought["operation"], await lines_seen(owner, machine)) == ("COMPLETED", None, 8)


async def test_commission_and_net_are_the_price_exactly(shop, buy, database, owner, other, monkeypatch):
    monkeypatch.setattr(settings, "market_commission_percentage", Decimal("12.5"))
    monkeypatch.setattr(settings, "market_price_usd_min", Decimal(0))
    await give(database, owner.id, 1)
    await buy(await shop.offer(await shop.machine(), "DATA_SOURCE", "0.00000004"), "0.00000004")
    # Half of the last place is rounded to the even one: 0.5 of 1e-8 becomes 0.
    assert await commission(database) == 0
    assert await usd(database, other.id) == Decimal("0.00000004")
    assert await broken(database) == {}
