"""Buying tokens: exact, once per idempotency key, and only with what there is."""

import asyncio
from decimal import Decimal
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from app.models.billing.ledger import Operation
from app.services.billing import ledger
from app.settings import settings
from tests.billing.books import broken, give
from tests.fuzz import FACTOR

BUY = """mutation ($input: BuyTokensInput!) { buyTokens(input: $input) { __typename
    ... on Operation { uuid kind } ... on Problem { code message }
    ... on InsufficientFunds { required available currency } } }"""
HAS = "{ me { userBalance userIxiooBalance } }"


@pytest.fixture
def send(api):
    """The mutation, under a key."""

    async def send(viewer, usd, key=None):
        headers = {"Authorization": f"Bearer {viewer.token}"} | ({"Idempotency-Key": key} if key else {})
        body = {"query": BUY, "variables": {"input": {"usd": usd}}}
        return (await api.post("/graphql", json=body, headers=headers)).json()

    return send


async def test_dollars_become_tokens_at_the_price_of_the_installation(ask, change, database, owner, monkeypatch):
    monkeypatch.setattr(settings, "token_price_usd", Decimal("0.3"))
    await give(database, owner.id, 10)
    made = await change("buyTokens", "kind cause isPayABillOperation", viewer=owner, usd="1")
    assert (made["kind"], made["cause"], made["isPayABillOperation"]) == ("PAY_A_BILL", "TOKENS", True)
    assert (await ask(HAS, viewer=owner))["me"] == {"userBalance": "9.00000000", "userIxiooBalance": "3.33333333"}
    assert await broken(database) == {}


async def test_who_has_too_little_is_told_how_much(refuse, database, owner):
    await give(database, owner.id, 1)
    answer = await refuse("buyTokens", viewer=owner, usd="1.00000001")
    assert answer == {
        "__typename": "InsufficientFunds",
        "code": "INSUFFICIENT_FUNDS",
        "message": "This needs 1.00000001 USD, and 1 are available. Top up, or ask for less.",
        "required": "1.00000001",
        "available": "1.00000000",
        "currency": "USD",
    }


async def test_amounts_are_decimals_above_zero_in_bounds(refuse, database, owner):
    await give(database, owner.id, 1)
    for usd in ("0", "-1", "0.00000000", "999999999999.99999999"):
        assert (await refuse("buyTokens", viewer=owner, usd=usd))["code"] == "INVALID_INPUT"
    for usd in ("1e-9", "0.000000001", "NaN", "Infinity", "1e30", "1,5", " 1", "", "٣", 0.1, True, None, "1 USD"):
        assert (await refuse("buyTokens", viewer=owner, usd=usd))["code"] == "BAD_REQUEST", usd


async def test_without_a_key_nothing_is_moved(send, database, owner):
    await give(database, owner.id, 10)
    answer = await send(owner, "1")
    assert answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert "idempotency key" in answer["errors"][0]["message"]


@pytest.mark.fuzz
async def test_a_repeated_request_moves_nothing_more(send, ask, database, owner):
    await give(database, owner.id, 10)
    key = str(uuid4())
    # Of many at once some find no connection in time, and are told so.
    came = await asyncio.gather(*(send(owner, "1", key) for _ in range(8 if FACTOR == 1 else 64)))
    done = {each["data"]["buyTokens"]["uuid"] for each in came if "errors" not in each}
    assert len(done) == 1
    told = {each["errors"][0]["extensions"]["code"] for each in came if "errors" in each}
    assert told <= ({"IN_PROGRESS"} if FACTOR == 1 else {"IN_PROGRESS", "UNAVAILABLE"})
    assert (await send(owner, "1", key))["data"]["buyTokens"]["uuid"] in done
    assert (await send(owner, "2", key))["errors"][0]["extensions"]["code"] == "CONFLICT"
    assert (await ask(HAS, viewer=owner))["me"]["userBalance"] == "9.00000000"


async def test_a_duplicate_of_what_is_being_refused_is_not_said_to_be_done(send, database, owner):
    key = str(uuid4())
    came = await asyncio.gather(*(send(owner, "1", key) for _ in range(8)))
    told = {
        each["errors"][0]["extensions"]["code"] if "errors" in each else each["data"]["buyTokens"]["code"]
        for each in came
    }
    assert "INSUFFICIENT_FUNDS" in told <= {"INSUFFICIENT_FUNDS", "IN_PROGRESS"}
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Operation)) == 0


async def test_too_many_keys_are_refused_and_those_that_are_known_are_answered(send, database, owner, monkeypatch):
    monkeypatch.setattr(settings, "idempotency_keys_per_viewer_max", 0)
    await give(database, owner.id, 3)
    first = await send(owner, "1", "k-1")
    refused = await send(owner, "1", "k-2")
    assert refused["errors"][0]["extensions"]["code"] == "LIMIT_REACHED"
    assert (await send(owner, "1", "k-1"))["data"] == first["data"]
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Operation)) == 2


async def test_what_comes_from_several_parts_of_a_wallet_is_one_purchase(send, database, owner, monkeypatch):
    turns = iter(range(100))

    async def turn(_):
        return next(turns)

    monkeypatch.setattr(ledger, "_turn", turn)
    monkeypatch.setattr(ledger, "BUSY_ENTRIES", 1)
    for _ in range(3):
        await give(database, owner.id, 1)
    # Of one part, of three, and of what there is no more.
    assert (await send(owner, "0.5", "k-1"))["data"]["buyTokens"]["__typename"] == "Operation"
    assert (await send(owner, "2.25", "k-2"))["data"]["buyTokens"]["__typename"] == "Operation"
    refused = (await send(owner, "0.5", "k-3"))["data"]["buyTokens"]
    assert (refused["required"], refused["available"]) == ("0.50000000", "0.25000000")
    assert await broken(database) == {}


async def test_a_key_that_was_refused_for_funds_works_once_there_are_some(send, database, owner, other):
    key = str(uuid4())
    assert (await send(owner, "1", key))["data"]["buyTokens"]["code"] == "INSUFFICIENT_FUNDS"
    await give(database, owner.id, 1)
    assert (await send(owner, "1", key))["data"]["buyTokens"]["__typename"] == "Operation"
    # Another person's same key is another key.
    assert (await send(other, "1", key))["data"]["buyTokens"]["code"] == "INSUFFICIENT_FUNDS"
    async with database.reading() as session:
        # The money from outside, and the tokens.
        assert await session.scalar(select(func.count()).select_from(Operation)) == 2
