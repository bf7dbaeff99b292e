"""Limits that users set: what would exceed them does not start, and they are told in time."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.models.billing.ledger import Currency, OperationCause
from app.models.system import UserNotification
from app.services.billing import reservations
from app.services.billing.errors import InsufficientFunds, SpendingLimitReached
from app.services.billing.reservations import Purpose
from tests.billing.books import give

HOUR = timedelta(hours=1)
RULES = "monthTokensNotice monthTokensMax lowBalanceTokens spentThisMonth"


@pytest.fixture
def hold(database, owner):
    async def hold(amount) -> int:
        async with database.writing() as session:
            purpose = Purpose(OperationCause.TRAINING)
            return (await reservations.hold(session, owner.id, Decimal(amount), purpose, for_=HOUR)).id

    return hold


async def told(database) -> list[str]:
    async with database.reading() as session:
        return list(await session.scalars(select(UserNotification.message).order_by(UserNotification.id)))


async def test_work_that_would_exceed_the_limit_does_not_start(ask, change, hold, database, owner):
    await give(database, owner.id, 100, Currency.EAML)
    assert (await ask("{ spendingRules { monthTokensMax } }", viewer=owner))["spendingRules"] is None
    made = await change("updateSpendingRules", RULES, viewer=owner, monthTokensMax="5")
    assert (made["monthTokensMax"], made["spentThisMonth"], made["lowBalanceTokens"]) == (
        "5.00000000",
        "0.00000000",
        None,
    )
    first = await hold(3)
    with pytest.raises(SpendingLimitReached) as refused:
        await hold("2.00000001")
    assert (refused.value.required, refused.value.available) == (Decimal("2.00000001"), 2)
    # What is posted counts as what was posted, and what is returned does not count.
    async with database.writing() as session:
        await reservations.post(session, first, Decimal(1))
    await hold(4)
    with pytest.raises(SpendingLimitReached):
        await hold("0.00000001")
    await change("updateSpendingRules", viewer=owner, monthTokensMax=None)
    await hold(50)


async def test_holds_at_once_do_not_exceed_the_limit(change, hold, database, owner):
    await give(database, owner.id, 100, Currency.EAML)
    await change("updateSpendingRules", viewer=owner, monthTokensMax="5")
    came = await asyncio.gather(*(hold(2) for _ in range(6)), return_exceptions=True)
    assert [type(each) for each in came].count(int) == 2
    assert {type(each) for each in came} == {int, SpendingLimitReached}


async def test_users_are_told_once_of_a_month_that_costs_much_and_of_little_that_is_left(change, hold, database, owner):
    await give(database, owner.id, 10, Currency.EAML)
    await change("updateSpendingRules", viewer=owner, monthTokensNotice="5", lowBalanceTokens="3")
    await hold(4)
    assert await told(database) == []
    await hold(1)
    assert await told(database) == ["Your work of this month costs 5 EAML tokens so far."]
    for _ in range(2):
        await hold(1)
    await hold("0.5")
    assert (await told(database))[1:] == ["You have 2.5 EAML tokens left for work."]


async def test_what_is_too_much_anyway_is_refused_as_such(change, hold, database, owner):
    await give(database, owner.id, 1, Currency.EAML)
    await change("updateSpendingRules", viewer=owner, monthTokensMax="5")
    with pytest.raises(InsufficientFunds) as refused:
        await hold(2)
    assert refused.value.available == 1


async def test_limits_are_amounts_from_nothing_on(refuse, owner):
    for field in ("monthTokensNotice", "monthTokensMax", "lowBalanceTokens"):
        answer = await refuse("updateSpendingRules", viewer=owner, **{field: "-1"})
        assert (answer["code"], field in str(answer)) == ("INVALID_INPUT", True)
