"""Keeping lines of machines: charged once a day from each owner, and never by taking lines away."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select, update

from app.models.automl.machines import Machine
from app.models.billing.ledger import Currency, Operation, OperationCause
from app.models.system import UserNotification
from app.services.automl import storage_charges
from app.services.automl.storage_charges import charge_owners
from app.settings import settings
from tests import factories
from tests.billing.books import broken, give

COUNTS = {"learning_line_count": 60, "evaluation_line_count": 30, "solving_line_count": 10}


@pytest.fixture
async def machine(database, owner, monkeypatch) -> Machine:
    """A machine of 100 lines, each of which costs a hundredth of a token a day."""
    monkeypatch.setattr(settings, "line_storage_price_tokens", Decimal("0.01"))
    return await factories.machine(database, owner.id, **COUNTS)


async def paid(database) -> list[tuple[OperationCause, int | None]]:
    async with database.reading() as session:
        rows = select(Operation.cause, Operation.count_of_lines).where(Operation.cause == OperationCause.LINES_STORAGE)
        return [tuple(row) for row in await session.execute(rows)]


async def test_lines_are_charged_once_a_day_whoever_comes_first(database, machine, owner, monkeypatch):
    await give(database, owner.id, 10, Currency.EAML)
    await factories.machine(database, owner.id, machine_name="Second", learning_line_count=50)
    counted = await asyncio.gather(*(charge_owners(database) for _ in range(3)))
    assert sum(counted) == 1
    assert await charge_owners(database) == 0
    assert await paid(database) == [(OperationCause.LINES_STORAGE, 150)]
    # A day later.
    monkeypatch.setattr(storage_charges, "_today", lambda: datetime.now(UTC) + timedelta(hours=1))
    assert await charge_owners(database) == 1
    assert await broken(database) == {}


async def test_without_a_price_or_lines_nothing_is_charged(database, machine, owner, monkeypatch):
    await give(database, owner.id, 10, Currency.EAML)
    async with database.writing() as session:
        await session.execute(update(Machine).values(deleted_at=func.now()))
    assert await charge_owners(database) == 0
    monkeypatch.setattr(settings, "line_storage_price_tokens", Decimal(0))
    assert await charge_owners(database) == 0
    assert await paid(database) == []


async def test_who_cannot_pay_is_told_once_a_day_and_keeps_the_lines(database, machine, owner):
    for _ in range(2):
        assert await charge_owners(database) == 0
    async with database.reading() as session:
        [told] = (await session.scalars(select(UserNotification.message))).all()
        kept = await session.get_one(Machine, machine.id)
    assert told.startswith("Keeping the lines of your machines for today could not be paid. This needs 1 EAML")
    assert (kept.learning_line_count, await paid(database)) == (60, [])
