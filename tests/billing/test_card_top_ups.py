"""Top-ups by card: each event of the payment provider counts once, whatever its order; the balance follows from all."""

import asyncio
import itertools
import time
from decimal import Decimal
from random import Random

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from app.gateways.card_payments import Event
from app.gateways.fakes import stripe as fake
from app.models.billing.ledger import Operation, OperationCause
from app.models.billing.top_ups import PaymentEvent, TopUp, TopUpState
from app.models.system import JobState
from app.services.billing.balances import balances_of
from app.services.billing.top_ups import card_top_ups
from app.settings import settings
from jobs import billing  # noqa: F401 -- registers the work
from resolvers import ids
from tests import factories
from tests.billing.books import STRIPE_SECRET, broken, move


@pytest.fixture
async def top_up(database, owner) -> TopUp:
    """One that waits to be paid."""
    return await factories.add(database, TopUp(user_id=owner.id, usd=Decimal(20), state=TopUpState.OPEN))


@pytest.fixture
def send(api):
    """Posts an event, signed."""

    async def send(content: bytes, *, secret: str = STRIPE_SECRET, at: float | None = None) -> int:
        headers = {"Stripe-Signature": fake.signed(content, secret, at=at)}
        return (await api.post("/payments/stripe", content=content, headers=headers)).status_code

    return send


def told(top_up: TopUp, **fields) -> dict[str, object]:
    return {"currency": "usd", "metadata": {"top_up": str(top_up.id)}, **fields}


def paid(top_up: TopUp, key: str = "evt_paid") -> bytes:
    about = told(top_up, amount_total=2_000, payment_status="paid")
    return fake.event(key, "checkout.session.completed", about)


async def has(database, user_id: int) -> Decimal:
    async with database.reading() as session:
        return (await balances_of(session, [user_id]))[user_id].usd


async def operations(database) -> list[OperationCause]:
    async with database.reading() as session:
        return list(await session.scalars(select(Operation.cause).order_by(Operation.id)))


async def test_without_keys_the_api_says_that_top_ups_are_the_staffs(refuse, api, owner):
    answer = await refuse("startTopUp", viewer=owner, usd="20")
    assert (answer["code"], "staff" in answer["message"]) == ("UNAVAILABLE", True)
    assert (await api.post("/payments/stripe", content=b"{}")).status_code == 503


async def test_a_page_is_opened_once_and_what_is_paid_there_is_credited_once(
    ask, change, work, send, cards, database, owner
):
    made = await change("startTopUp", "id state checkoutUrl", viewer=owner, usd="20")
    assert (made["state"], made["checkoutUrl"]) == ("CREATED", None)
    assert (await work()).state is JobState.DONE
    shown = "{ topUps { nodes { state checkoutUrl creditedUsd } } me { userBalance } }"
    [open_] = (await ask(shown, viewer=owner))["topUps"]["nodes"]
    assert (open_["state"], open_["creditedUsd"]) == ("OPEN", "0.00000000")
    assert open_["checkoutUrl"].startswith("https://checkout.example.org/")
    async with database.reading() as session:
        top_up = await session.get_one(TopUp, ids.key(made["id"], TopUp))
    for _ in range(3):
        assert await send(paid(top_up)) == 204
    assert await send(paid(top_up, "evt_again")) == 204
    answer = await ask(shown, viewer=owner)
    assert answer["me"]["userBalance"] == "20.00000000"
    assert answer["topUps"]["nodes"][0]["state"] == "PAID"
    assert await operations(database) == [OperationCause.TOP_UP]
    assert await broken(database) == {}


async def test_a_provider_that_refuses_fails_the_top_up(ask, change, work, cards, monkeypatch, owner):
    monkeypatch.setattr(settings, "stripe_secret_key", SecretStr("sk_wrong"))
    await change("startTopUp", viewer=owner, usd="20")
    assert (await work()).state is JobState.FAILED
    [shown] = (await ask("{ topUps { nodes { state checkoutUrl } } }", viewer=owner))["topUps"]["nodes"]
    assert shown == {"state": "FAILED", "checkoutUrl": None}


async def test_what_is_not_signed_signed_by_others_or_long_ago_counts_nothing(send, api, cards, top_up, database):
    content = paid(top_up)
    assert await send(content, secret="whsec_other") == 400
    assert await send(content, at=time.time() - 3_600) == 400
    assert (await api.post("/payments/stripe", content=content)).status_code == 400
    header = {"Stripe-Signature": fake.signed(content, STRIPE_SECRET)}
    changed = content.replace(b"2000", b"9000")
    assert (await api.post("/payments/stripe", content=changed, headers=header)).status_code == 400
    assert await has(database, top_up.user_id) == 0
    assert await operations(database) == []


async def test_events_about_nothing_of_ours_are_received_and_change_nothing(send, cards, top_up, database):
    for number, about in enumerate(
        ({}, {"metadata": None}, {"metadata": {"top_up": "x"}}, {"metadata": {"top_up": "9" * 30}}, {"metadata": {}})
    ):
        assert await send(fake.event(f"evt_{number}", "checkout.session.completed", about)) == 204
    assert await send(fake.event("evt_list", "charge.refunded", told(top_up, amount_refunded=0))) == 204
    assert await operations(database) == []


async def test_another_currency_or_a_broken_amount_is_sent_again_and_moves_nothing(send, cards, top_up, database):
    for number, fields in enumerate(({"currency": "eur"}, {"amount_total": -1}, {"amount_total": "2000"}, {})):
        about = {"payment_status": "paid"} | ({"amount_total": 2_000} if fields else {}) | fields
        content = fake.event(f"evt_{number}", "checkout.session.completed", told(top_up) | about)
        assert await send(content) == 503
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(PaymentEvent)) == 0
    assert await operations(database) == []


FACTS = {
    "evt_paid": ("checkout.session.completed", {"amount_total": 2_000, "payment_status": "paid"}),
    "evt_refund_1": ("charge.refunded", {"amount_refunded": 300}),
    "evt_refund_2": ("charge.refunded", {"amount_refunded": 500}),
    "evt_dispute": ("charge.dispute.created", {"amount": 1_000, "status": "needs_response"}),
    "evt_won": ("charge.dispute.closed", {"amount": 1_000, "status": "won"}),
}


async def test_the_balance_is_the_same_in_any_order_and_with_doubles(cards, database, owner):
    orders = list(itertools.permutations(FACTS))
    for order in Random(5).sample(orders, 25):
        top_up = await factories.add(database, TopUp(user_id=owner.id, usd=Decimal(20), state=TopUpState.OPEN))
        before = await has(database, owner.id)
        for key in (*order, *order[:2]):
            kind, fields = FACTS[key]
            async with database.writing() as session:
                await card_top_ups.apply_event(session, Event(f"{key}:{top_up.id}", kind, told(top_up, **fields)))
        assert await has(database, owner.id) - before == 15, order
    assert await broken(database) == {}


async def test_a_dispute_takes_and_a_lost_one_keeps(cards, send, database, top_up):
    await send(paid(top_up))
    about = told(top_up, amount=2_000, status="needs_response")
    await send(fake.event("evt_dispute", "charge.dispute.created", about))
    assert await has(database, top_up.user_id) == 0
    await send(fake.event("evt_closed", "charge.dispute.closed", about | {"status": "lost"}))
    assert await has(database, top_up.user_id) == 0
    assert await operations(database) == [OperationCause.TOP_UP, OperationCause.TOP_UP_RETURNED]


async def test_what_was_spent_is_borne_by_the_installation_and_nobody_is_below_zero(
    cards, send, database, top_up, other
):
    await send(paid(top_up))
    await move(database, top_up.user_id, other.id, 15)
    await send(fake.event("evt_refund", "charge.refunded", told(top_up, amount_refunded=2_000)))
    assert (await has(database, top_up.user_id), await has(database, other.id)) == (0, 15)
    assert await broken(database) == {}


async def test_a_payment_that_failed_or_was_not_made_moves_nothing(cards, send, database, top_up, owner, ask):
    unpaid = told(top_up, amount_total=2_000, payment_status="unpaid")
    await send(fake.event("evt_1", "checkout.session.completed", unpaid))
    await send(fake.event("evt_2", "checkout.session.async_payment_failed", unpaid))
    [shown] = (await ask("{ topUps { nodes { state } } }", viewer=owner))["topUps"]["nodes"]
    assert shown == {"state": "FAILED"}
    assert await operations(database) == []
    # It is paid after all: the money counts.
    await send(fake.event("evt_3", "checkout.session.async_payment_succeeded", unpaid | {"payment_status": "paid"}))
    assert await has(database, owner.id) == 20


async def test_amounts_are_whole_cents_in_bounds(refuse, cards, owner):
    for usd in ("0", "-1", "0.99", "1.001", "5000.01"):
        assert (await refuse("startTopUp", viewer=owner, usd=usd))["code"] == "INVALID_INPUT", usd


async def test_two_events_at_once_credit_once(cards, send, database, top_up):
    assert set(await asyncio.gather(*(send(paid(top_up)) for _ in range(4)))) <= {204, 503}
    assert await send(paid(top_up)) == 204
    assert await has(database, top_up.user_id) == 20
