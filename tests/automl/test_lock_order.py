"""Machines are locked before wallets, whoever locks both: nobody waits in a circle."""

import asyncio

import pytest
from sqlalchemy import text

from app.models.automl.machines import Machine
from app.models.billing.ledger import Currency
from app.policies import Viewer
from app.services.automl.machines import changing
from app.services.automl.machines.access import machine_to_change
from app.services.billing import ledger
from app.settings import settings
from resolvers import ids
from tests.automl import learned
from tests.automl.learned import SIZE
from tests.automl.shops import BOUGHT, Shop, machine_of
from tests.billing.books import broken, give

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture
def meanwhile(database, owner):
    """Does something while the owner changes a machine, which locks it, and then the owner's wallet."""

    async def meanwhile(machine_id, deed):
        async with database.writing() as session:
            await machine_to_change(session, Viewer(owner.id), machine_id)
            doing = asyncio.create_task(deed)
            # In one transaction, all looks would see what the first saw.
            async with asyncio.timeout(60), database.engine.connect() as connection:
                other = await connection.execution_options(isolation_level="AUTOCOMMIT")
                while not await other.scalar(text(WAITING)):
                    await asyncio.sleep(0.02)
                    assert not doing.done(), "it has not waited for the machine"
            await ledger.lock_wallets(session, owner.id)
        return await doing

    return meanwhile


async def test_answers_that_cost_are_given_while_a_machine_changes(meanwhile, change, database, owner, monkeypatch):
    monkeypatch.setattr(settings, "machine_solving_price_tokens", 1)
    await give(database, owner.id, 100, Currency.EAML)
    machine = await learned.machine(database, owner.id)
    given = {"machineId": ids.encode(machine), "rows": [{SIZE: 1}]}
    solved = await meanwhile(machine.id, change("solve", "version", viewer=owner, **given))
    assert "code" not in solved
    assert await broken(database) == {}


async def test_an_update_of_a_copy_is_bought_while_the_copy_changes(meanwhile, change, work, database, owner, other):
    await give(database, owner.id, 20)
    shop = Shop(change, database, other)
    listing = await shop.offer(await shop.machine(), "MACHINE_COPY", updatePriceUsd="2")
    bought = await change("buyListing", BOUGHT, viewer=owner, id=listing, expectedPriceUsd="5")
    await work()
    copy = await machine_of(database, bought["copy"]["id"])
    given = {"id": bought["id"], "expectedPriceUsd": "2"}
    updated = await meanwhile(copy.id, change("buyCopyUpdate", "state", viewer=owner, **given))
    assert updated["state"] == "PENDING"
    assert await broken(database) == {}


async def test_an_account_and_its_machine_go_while_the_machine_changes(
    meanwhile, machine, change, database, owner, staff, monkeypatch
):
    monkeypatch.setattr(settings, "machine_training_price_tokens", 1)
    await give(database, owner.id, 1_000_000, Currency.EAML)
    id = await machine()
    # What is held for it returns with the machine, so the wallet is locked.
    started = await change("trainMachine", "status", viewer=staff, machineId=id, budgetS=2)
    assert started["status"] == "WAITING_FOR_SERVER"

    async def go():
        async with database.writing() as session:
            await changing.remove_machines(session, owner.id)

    await meanwhile(ids.key(id, Machine), go())
    async with database.reading() as session:
        assert (await session.get_one(Machine, ids.key(id, Machine))).deleted_at is not None
        assert await session.scalar(text("SELECT count(*) FROM reservations WHERE state = 'HELD'")) == 0
    assert await broken(database) == {}


async def test_a_machine_is_deleted_while_it_changes(meanwhile, machine, change, database, owner, monkeypatch):
    monkeypatch.setattr(settings, "machine_training_price_tokens", 1)
    await give(database, owner.id, 1_000_000, Currency.EAML)
    id = await machine()
    assert (await change("trainMachine", "status", viewer=owner, machineId=id, budgetS=2)).get("code") is None
    deleted = await meanwhile(ids.key(id, Machine), change("deleteMachine", "machineId", viewer=owner, id=id))
    assert deleted["machineId"] == id
    assert await broken(database) == {}
