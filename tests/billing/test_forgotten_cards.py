"""Cards that are no longer saved: the payment provider forgets them, though not always at once, and they stay so."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select, update

from app.gateways.fakes import stripe as fake
from app.models.accounts import User
from app.models.billing.automatic_top_ups import AutomaticTopUp, ForgottenCard
from app.models.billing.top_ups import TopUp, TopUpState
from app.models.kinds.billing import BillingJob
from app.models.system import Job, JobState
from app.services.accounts.users import deletion
from app.services.billing.top_ups import automatic_top_ups, forgotten_cards
from app.settings import settings
from jobs import billing
from tests import factories

pytestmark = pytest.mark.usefixtures("cards")
PAID = {"amount_total": 2_000, "payment_status": "paid"}


@pytest.fixture
def keep(database, owner):
    """Saves a card of the owner."""

    async def keep(customer: str) -> None:
        async with database.writing() as session:
            await automatic_top_ups.keep_card(session, owner.id, customer)

    return keep


async def saved(database, user_id: int) -> str | None:
    async with database.reading() as session:
        rule = await session.get(AutomaticTopUp, user_id)
    return None if rule is None else rule.customer_key


async def cards_left(database) -> dict[str, bool]:
    """The cards that were to be forgotten, and whether the provider has yet to do so."""
    async with database.reading() as session:
        rows = await session.execute(select(ForgottenCard.customer_key, ForgottenCard.next_try_at))
        return {key: next_try_at is not None for key, next_try_at in rows}


async def jobs_count(database) -> int:
    async with database.reading() as session:
        return await session.scalar(select(func.count()).where(Job.kind == BillingJob.FORGET_CARD)) or 0


async def a_while_later(database) -> int:
    """What waits for its next try is due, and the clock starts it."""
    async with database.writing() as session:
        due = update(ForgottenCard).where(ForgottenCard.next_try_at.is_not(None))
        await session.execute(due.values(next_try_at=func.clock_timestamp() - timedelta(seconds=1)))
    before = await jobs_count(database)
    await billing.tidy(database)
    return await jobs_count(database) - before


async def test_a_rule_that_is_deleted_takes_its_card_with_it_at_the_provider(keep, change, work, database, owner):
    await keep("cus_1")
    await change("deleteAutomaticTopUp", viewer=owner)
    assert (fake.detached, await cards_left(database)) == ([], {"cus_1": True})
    assert (await work()).state is JobState.DONE
    assert (fake.detached, await cards_left(database)) == (["cus_1"], {"cus_1": False})
    assert await a_while_later(database) == 0


async def test_a_card_that_is_replaced_is_forgotten(keep, work, database, owner):
    await keep("cus_1")
    await keep("cus_1")
    assert await cards_left(database) == {}
    await keep("cus_2")
    assert (await work()).state is JobState.DONE
    assert (fake.detached, await saved(database, owner.id)) == (["cus_1"], "cus_2")


async def test_two_cards_that_are_saved_at_once_leave_one(keep, database, owner):
    await asyncio.gather(keep("cus_1"), keep("cus_2"))
    kept = await saved(database, owner.id)
    assert {kept, *await cards_left(database)} == {"cus_1", "cus_2"}
    assert await jobs_count(database) == 1


async def test_the_card_of_an_account_that_is_deleted_is_forgotten(keep, work, database, owner):
    await keep("cus_1")
    async with database.writing() as session:
        for parting in deletion._partings:
            await parting(session, owner.id)
    assert await saved(database, owner.id) is None
    assert (await work()).state is JobState.DONE
    assert fake.detached == ["cus_1"]


async def test_a_payment_that_comes_after_the_account_has_gone_saves_no_card(receive, work, database, owner):
    about = {"user_id": owner.id, "usd": Decimal(20), "state": TopUpState.OPEN, "saves_card": True}
    top_up = await factories.add(database, TopUp(**about))
    async with database.writing() as session:
        await session.execute(update(User).where(User.id == owner.id).values(anonymised_at=func.now()))
    await receive("evt_1", "checkout.session.completed", top_up, customer="cus_1", **PAID)
    assert await saved(database, owner.id) is None
    assert (await work()).state is JobState.DONE
    assert fake.detached == ["cus_1"]


async def test_events_about_former_payments_bring_no_card_back(receive, change, work, database, owner):
    about = {"user_id": owner.id, "usd": Decimal(20), "state": TopUpState.OPEN, "saves_card": True}
    top_up = await factories.add(database, TopUp(**about))
    await receive("evt_1", "checkout.session.completed", top_up, customer="cus_1", **PAID)
    assert await saved(database, owner.id) == "cus_1"
    await change("deleteAutomaticTopUp", viewer=owner)
    assert (await work()).state is JobState.DONE
    await receive("evt_2", "payment_intent.succeeded", top_up, customer="cus_1", amount_received=2_000)
    await receive("evt_3", "charge.refunded", top_up, customer="cus_1", amount_refunded=500)
    assert await saved(database, owner.id) is None
    assert fake.detached == ["cus_1"]


@pytest.mark.parametrize("customer", ["cus_cardless", "cus_gone"])
async def test_what_the_provider_has_forgotten_already_is_forgotten(keep, change, work, database, owner, customer):
    await keep(customer)
    await change("deleteAutomaticTopUp", viewer=owner)
    assert (await work()).state is JobState.DONE
    assert (fake.detached, await cards_left(database)) == ([], {customer: False})


async def test_an_answer_that_is_lost_is_asked_for_again(keep, change, work, database, owner, monkeypatch):
    monkeypatch.setattr(settings, "job_attempts_max", 1)
    await keep("cus_lost")
    await change("deleteAutomaticTopUp", viewer=owner)
    assert (await work()).state is JobState.FAILED
    assert await cards_left(database) == {"cus_lost": True}
    assert await a_while_later(database) == 1
    assert (await work()).state is JobState.DONE
    assert (fake.detached, await cards_left(database)) == (["cus_lost"], {"cus_lost": False})


async def test_a_provider_that_stays_away_changes_nothing_here_and_is_asked_again(
    keep, change, refuse, work, database, owner, monkeypatch
):
    monkeypatch.setattr(settings, "job_attempts_max", 1)
    await keep("cus_broken")
    await change("deleteAutomaticTopUp", viewer=owner)
    assert await saved(database, owner.id) is None
    for _ in range(2):
        assert (await work()).state is JobState.FAILED
        await billing.tidy(database)
        count = await jobs_count(database)
        assert await a_while_later(database) == 1
        assert await jobs_count(database) == count + 1
    assert (await refuse("deleteAutomaticTopUp", viewer=owner))["code"] == "NOT_FOUND"
    assert await cards_left(database) == {"cus_broken": True}


async def test_without_keys_it_waits_for_them(keep, database, owner, monkeypatch):
    await keep("cus_1")
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(settings, "stripe_secret_key", SecretStr(""))
        async with database.writing() as session:
            await forgotten_cards.forget(session, "cus_1")
        assert await a_while_later(database) == 0
    assert await cards_left(database) == {"cus_1": True}
    assert await a_while_later(database) == 1
