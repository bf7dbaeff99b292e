"""Automatic top-ups: the saved card is charged once for each crossing of the threshold, and not again and again."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select, update

from app.gateways.fakes import stripe as fake
from app.models.billing.automatic_top_ups import AutomaticTopUp
from app.models.billing.ledger import OperationCause
from app.models.billing.top_ups import TopUp, TopUpState
from app.models.kinds.billing import BillingJob
from app.models.system import Job, JobState, UserNotification
from app.policies import Viewer
from app.services.accounts.users import deletion
from app.services.billing import sales
from app.services.billing.balances import balances_of
from app.services.billing.sales import Sale
from app.services.billing.top_ups import automatic_top_ups, topping_up
from app.settings import settings
from jobs import billing  # noqa: F401 -- registers the work
from jobs.broker import WORKS
from jobs.run import attempt
from resolvers import ids
from tests import factories
from tests.billing.books import broken, give

pytestmark = pytest.mark.usefixtures("cards")
RULE = {"belowUsd": "10", "usd": "20", "monthUsdMax": "60"}


@pytest.fixture
def save(database, owner):
    """Saves a card of the owner, whose customer says what the bank does, and switches the rule on."""

    async def save(customer: str = "cus_1", **terms: str) -> None:
        rule = {"below_usd": "10", "usd": "20", "month_usd_max": "60"} | terms
        async with database.writing() as session:
            await automatic_top_ups.keep_card(session, owner.id, customer)
        async with database.writing() as session:
            amounts = {name: Decimal(value) for name, value in rule.items()}
            await automatic_top_ups.set_rule(session, Viewer(owner.id), **amounts)

    return save


@pytest.fixture
def spend(database, owner):
    """Spends some of the owner's dollars."""

    async def spend(usd: str) -> None:
        async with database.writing() as session:
            await topping_up.buy_tokens(session, Viewer(owner.id), usd=Decimal(usd))

    return spend


async def has(database, user_id: int) -> Decimal:
    async with database.reading() as session:
        return (await balances_of(session, [user_id]))[user_id].usd


async def top_ups(database) -> list[TopUp]:
    async with database.reading() as session:
        return list(await session.scalars(select(TopUp).order_by(TopUp.id)))


async def jobs_count(database) -> int:
    async with database.reading() as session:
        return await session.scalar(select(func.count()).where(Job.kind == BillingJob.CHARGE_CARD)) or 0


async def rule_of(database, user_id: int) -> AutomaticTopUp | None:
    async with database.reading() as session:
        return await session.get(AutomaticTopUp, user_id)


async def notes(database) -> list[str]:
    async with database.reading() as session:
        return list(await session.scalars(select(UserNotification.message).order_by(UserNotification.id)))


async def a_while_later(database) -> None:
    """What waits for its next try is due, and the clock starts it."""
    async with database.writing() as session:
        await session.execute(update(AutomaticTopUp).values(next_try_at=func.clock_timestamp() - timedelta(seconds=1)))
    async with database.writing() as session:
        await automatic_top_ups.start_due(session)


async def test_a_card_is_saved_with_a_payment_and_the_rule_is_off_until_it_is_set(
    ask, change, refuse, work, receive, database, owner, other
):
    shown = "{ automaticTopUp { isOn belowUsd usd monthUsdMax failuresCount nextTryAt chargedUsdThisMonth } }"
    assert (await refuse("setAutomaticTopUp", viewer=owner, **RULE))["code"] == "CONFLICT"
    made = await change("startTopUp", "id savesCard isAutomatic", viewer=owner, usd="20", saveCard=True)
    assert (made["savesCard"], made["isAutomatic"]) == (True, False)
    assert (await work()).state is JobState.DONE
    [top_up] = await top_ups(database)
    paid = {"amount_total": 2_000, "payment_status": "paid", "customer": "cus_1"}
    await receive("evt_1", "checkout.session.completed", top_up, **paid)
    assert (await ask(shown, viewer=owner))["automaticTopUp"]["isOn"] is False
    assert (await ask(shown, viewer=other))["automaticTopUp"] is None
    await change("setAutomaticTopUp", viewer=owner, **RULE)
    assert (await ask(shown, viewer=owner))["automaticTopUp"] == {
        "isOn": True,
        "belowUsd": "10.00000000",
        "usd": "20.00000000",
        "monthUsdMax": "60.00000000",
        "failuresCount": 0,
        "nextTryAt": None,
        "chargedUsdThisMonth": "0.00000000",
    }
    deleted = await change("deleteAutomaticTopUp", "deletedId", viewer=owner)
    assert deleted["deletedId"] == ids.global_ids("AutomaticTopUp")[owner.id]
    assert (await ask(shown, viewer=owner))["automaticTopUp"] is None
    assert (await refuse("deleteAutomaticTopUp", viewer=owner))["code"] == "NOT_FOUND"


async def test_a_payment_with_an_ordinary_card_saves_nothing(receive, database, owner):
    top_up = await factories.add(database, TopUp(user_id=owner.id, usd=Decimal(20), state=TopUpState.OPEN))
    paid = {"amount_total": 2_000, "payment_status": "paid", "customer": "cus_1"}
    await receive("evt_1", "checkout.session.completed", top_up, **paid)
    assert await rule_of(database, owner.id) is None


async def test_crossing_the_threshold_charges_the_card_once(spend, save, work, database, owner):
    await give(database, owner.id, 15)
    await save()
    await spend("5")
    assert await top_ups(database) == []
    await spend("0.00000001")
    await spend("1")
    [top_up] = await top_ups(database)
    assert (top_up.is_automatic, top_up.usd, top_up.state) == (True, 20, TopUpState.CREATED)
    assert (await work()).state is JobState.DONE
    assert await has(database, owner.id) == Decimal("28.99999999")
    assert [charge["amount"] for charge in fake.charges.values()] == ["2000"]
    assert (await top_ups(database))[0].state is TopUpState.PAID
    await spend("20")
    assert len(await top_ups(database)) == 2
    assert await broken(database) == {}


async def test_many_who_cross_it_at_once_charge_it_once(save, database, owner, other):
    await give(database, owner.id, 20)
    await save()

    async def buy() -> None:
        async with database.writing() as session:
            sale = Sale(OperationCause.DATA_SOURCE, owner.id, other.id, Decimal(2), ("DataInputLine", 1))
            await sales.pay(session, sale)

    await asyncio.gather(*(buy() for _ in range(10)), return_exceptions=True)
    assert await has(database, owner.id) == 0
    assert len(await top_ups(database)) == 1
    assert await jobs_count(database) == 1


async def test_a_rule_that_is_set_too_late_begins_at_once(save, database, owner):
    await give(database, owner.id, 5)
    await save()
    assert len(await top_ups(database)) == 1


async def test_what_is_held_counts_as_spent(save, database, owner, other):
    await give(database, owner.id, 15)
    await save()
    job = await factories.job(database, user_id=owner.id)
    async with database.writing() as session:
        await sales.hold(session, Sale(OperationCause.MARKET_SOLVING, owner.id, other.id, Decimal(6), ("X", 1)), job)
    assert len(await top_ups(database)) == 1


async def test_the_answer_and_the_events_credit_it_once_in_any_order(spend, save, work, receive, database, owner):
    await give(database, owner.id, 10)
    await save()
    await spend("1")
    [top_up] = await top_ups(database)
    await receive("evt_1", "payment_intent.succeeded", top_up, amount_received=2_000)
    assert await has(database, owner.id) == 29
    assert (await work()).state is JobState.DONE
    for key in ("evt_1", "evt_2"):
        await receive(key, "payment_intent.succeeded", top_up, amount_received=2_000)
    assert await has(database, owner.id) == 29
    assert await broken(database) == {}


async def test_a_bank_that_takes_its_time_is_waited_for(spend, save, work, receive, database, owner):
    await give(database, owner.id, 10)
    await save("cus_processing")
    await spend("1")
    assert (await work()).state is JobState.DONE
    await spend("1")
    [top_up] = await top_ups(database)
    assert (top_up.state, await jobs_count(database)) == (TopUpState.CREATED, 1)
    await receive("evt_1", "payment_intent.succeeded", top_up, amount_received=2_000)
    assert await has(database, owner.id) == 28


async def test_a_card_that_is_refused_is_tried_so_often_and_then_switched_off(
    spend, save, work, receive, database, owner, change
):
    await give(database, owner.id, 10)
    await save("cus_declined")
    await spend("1")
    for failures in (1, 2, 3):
        assert (await work()).state is JobState.DONE
        [*_, top_up] = await top_ups(database)
        # The event that tells the same counts nothing.
        await receive(f"evt_{failures}", "payment_intent.payment_failed", top_up)
        rule = await rule_of(database, owner.id)
        assert (rule.failures_count, rule.is_on) == (failures, failures < 3)
        await spend("1")
        assert len(await top_ups(database)) == failures
        await a_while_later(database)
    assert [each.state for each in await top_ups(database)] == [TopUpState.FAILED] * 3
    assert [("switched off" in note, "not accept" in note) for note in await notes(database)] == [
        (False, True),
        (False, True),
        (True, True),
    ]
    assert await has(database, owner.id) == 6
    # The user sets it again: it begins with the next payment, and here at once.
    await change("setAutomaticTopUp", viewer=owner, **RULE)
    assert (await rule_of(database, owner.id)).failures_count == 0
    assert len(await top_ups(database)) == 4


async def test_an_answer_that_is_lost_is_asked_for_again_and_charged_once(
    spend, save, work, database, owner, monkeypatch
):
    monkeypatch.setattr(settings, "job_attempts_max", 1)
    await give(database, owner.id, 10)
    await save("cus_lost")
    await spend("1")
    assert (await work()).state is JobState.FAILED
    [top_up] = await top_ups(database)
    assert top_up.state is TopUpState.CREATED
    await spend("1")
    assert await jobs_count(database) == 1
    await a_while_later(database)
    assert await jobs_count(database) == 2
    assert (await work()).state is JobState.DONE
    assert len(fake.charges) == 1
    assert await has(database, owner.id) == 28
    rule = await rule_of(database, owner.id)
    assert (rule.failures_count, rule.is_on, len(await top_ups(database))) == (0, True, 1)


async def test_a_provider_that_stays_away_ends_it_and_a_late_payment_still_counts(
    spend, save, work, receive, database, owner, monkeypatch
):
    monkeypatch.setattr(settings, "job_attempts_max", 1)
    monkeypatch.setattr(settings, "automatic_top_up_tries_max", 2)
    await give(database, owner.id, 10)
    await save("cus_broken")
    await spend("1")
    for _ in range(2):
        assert (await work()).state is JobState.FAILED
        await a_while_later(database)
    rule, [top_up] = await rule_of(database, owner.id), await top_ups(database)
    assert (rule.is_on, top_up.state, await jobs_count(database)) == (False, TopUpState.FAILED, 2)
    await receive("evt_1", "payment_intent.succeeded", top_up, amount_received=2_000)
    assert await has(database, owner.id) == 29


async def test_a_month_charges_at_most_its_limit_and_says_so_once(spend, save, work, database, owner):
    await give(database, owner.id, 10)
    await save(month_usd_max="40")
    for _ in range(2):
        await spend(str(await has(database, owner.id) - 5))
        assert (await work()).state is JobState.DONE
    await spend("20")
    await spend("1")
    assert len(await top_ups(database)) == 2
    assert [note for note in await notes(database) if "limit" in note] == [
        "Your automatic top-up has reached its limit of 40 USD for this month."
    ]
    rule = await rule_of(database, owner.id)
    assert rule.next_try_at.day == 1
    # In the next month the clock starts it.
    async with database.writing() as session:
        await session.execute(update(TopUp).values(created_at=TopUp.created_at - timedelta(days=32)))
    await a_while_later(database)
    assert len(await top_ups(database)) == 3


async def test_a_rule_that_is_removed_or_an_account_that_is_deleted_charges_nothing(
    spend, save, change, database, owner
):
    await give(database, owner.id, 10)
    await save()
    await spend("1")
    [top_up] = await top_ups(database)
    await change("deleteAutomaticTopUp", viewer=owner)
    await attempt(database, WORKS[BillingJob.CHARGE_CARD], top_up.job_id, asyncio.Event())
    assert fake.charges == {}
    assert [each.state for each in await top_ups(database)] == [TopUpState.FAILED]
    await save("cus_2")
    async with database.writing() as session:
        for parting in deletion._partings:
            await parting(session, owner.id)
    assert await rule_of(database, owner.id) is None


async def test_a_customer_without_a_card_is_told(spend, save, work, database, owner):
    await give(database, owner.id, 10)
    await save("cus_cardless")
    await spend("1")
    assert (await work()).state is JobState.DONE
    assert "no saved card" in (await notes(database))[0]


@pytest.mark.parametrize(
    ("field", "terms"),
    [
        ("usd", {"usd": "0.5"}),
        ("usd", {"usd": "10.001"}),
        ("usd", {"usd": "9"}),
        ("usd", {"usd": "6000", "monthUsdMax": "9000"}),
        ("belowUsd", {"belowUsd": "0"}),
        ("belowUsd", {"belowUsd": "-1"}),
        ("monthUsdMax", {"monthUsdMax": "19.99"}),
    ],
)
async def test_terms_that_make_no_sense_are_refused(refuse, save, database, owner, field, terms):
    await give(database, owner.id, 100)
    await save()
    refused = await refuse("setAutomaticTopUp", viewer=owner, **RULE | terms)
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", field)


async def test_without_keys_there_are_none(refuse, save, spend, database, owner, monkeypatch):
    await give(database, owner.id, 10)
    await save()
    monkeypatch.setattr(settings, "stripe_secret_key", SecretStr(""))
    await spend("1")
    assert await top_ups(database) == []
    assert (await refuse("setAutomaticTopUp", viewer=owner, **RULE))["code"] == "UNAVAILABLE"
