"""Payments by card through Stripe, by its own library: a page to pay on, and events that it signs."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
import structlog

from app.errors import Unavailable
from app.gateways.outside import Outage
from app.settings import settings

if TYPE_CHECKING:
    import stripe

WHO = "Stripe"
CENTS = 100
CARDS_AT_ONCE = 100
NOT_ACCEPTED = "The bank did not accept the payment."
NO_CARD = "There is no saved card."
NO_CARDS = "This installation takes no cards. Ask its staff to top up your balance."

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Page:
    """Where to pay."""

    key: str
    url: str


@dataclass(frozen=True)
class Charge:
    """What became of the charge of a saved card: paid, refused with a reason, or neither yet."""

    key: str | None = None
    is_paid: bool = False
    refusal: str | None = None


@dataclass(frozen=True)
class Event:
    """What the provider tells: of a kind, about an object."""

    key: str
    kind: str
    about: dict[str, Any]


def is_set_up() -> bool:
    """Whether there are keys; without them, top-ups are the staff's."""
    return bool(settings.stripe_secret_key.get_secret_value() and settings.stripe_webhook_secret.get_secret_value())


def require_set_up() -> None:
    """Unavailable without keys."""
    if not is_set_up():
        raise Unavailable(NO_CARDS)


async def open_page(*, reference: str, usd: Decimal, saves_card: bool = False) -> Page:
    """A page on which somebody pays; asked again for the same reference, it is the same page."""
    require_set_up()
    named = {"top_up": reference}
    price = {"currency": "usd", "unit_amount": int(usd * CENTS), "product_data": {"name": "Balance"}}
    params: Any = {
        "mode": "payment",
        "line_items": [{"quantity": 1, "price_data": price}],
        "client_reference_id": reference,
        "metadata": named,
        # So that refunds and disputes, which are about its charge, name it, too.
        "payment_intent_data": {"metadata": named},
        "success_url": settings.address,
        "cancel_url": settings.address,
    }
    if saves_card:
        params["customer_creation"] = "always"
        params["payment_intent_data"] |= {"setup_future_usage": "off_session"}
    return await asyncio.to_thread(_open_page, params, f"top-up-{reference}")


def _open_page(params: Any, key: str) -> Page:
    with _asking("refused to open a page for the payment") as client:
        page = client.v1.checkout.sessions.create(params, {"idempotency_key": key})
    return Page(page.id, page.url or "")


async def charge(*, reference: str, usd: Decimal, customer: str) -> Charge:
    """Charges the saved card of a customer who is not there; asked again for the same reference, it is charged once."""
    require_set_up()
    params: Any = {
        "amount": int(usd * CENTS),
        "currency": "usd",
        "customer": customer,
        "off_session": True,
        "confirm": True,
        "metadata": {"top_up": reference},
    }
    return await asyncio.to_thread(_charge, params, f"automatic-top-up-{reference}")


def _charge(params: Any, key: str) -> Charge:
    import stripe  # noqa: PLC0415

    with _asking("refused to charge the saved card") as client:
        cards = client.v1.customers.payment_methods.list(params["customer"], {"type": "card", "limit": 1}).data
        if not cards:
            return Charge(refusal=NO_CARD)
        try:
            paid = client.v1.payment_intents.create(params | {"payment_method": cards[0].id}, {"idempotency_key": key})
        except stripe.CardError:
            return Charge(refusal=NOT_ACCEPTED)
    if paid.status in {"succeeded", "processing"}:
        return Charge(paid.id, is_paid=paid.status == "succeeded")
    return Charge(paid.id, refusal=NOT_ACCEPTED)


async def detach_cards(*, customer: str) -> None:
    """Lets the provider forget the cards of a customer, so that nobody can charge them; nothing if it has."""
    require_set_up()
    await asyncio.to_thread(_detach_cards, customer)


def _detach_cards(customer: str) -> None:
    import stripe  # noqa: PLC0415

    with _asking("refused to forget the saved card") as client:
        try:
            cards = client.v1.customers.payment_methods.list(customer, {"limit": CARDS_AT_ONCE}).data
        except stripe.InvalidRequestError as error:
            if error.http_status == HTTPStatus.NOT_FOUND:
                return
            raise
        for card in cards:
            client.v1.payment_methods.detach(card.id)


@contextmanager
def _asking(refused: str) -> Iterator["stripe.StripeClient"]:
    """A client of the provider, whose failures raise our errors."""
    import stripe  # noqa: PLC0415 -- it has thousands of classes, and few processes need one

    http = stripe.RequestsClient(timeout=settings.stripe_s_max)
    client = stripe.StripeClient(
        settings.stripe_secret_key.get_secret_value(),
        base_addresses={"api": settings.stripe_url},
        max_network_retries=0,  # the job is tried again
        http_client=http,
    )
    try:
        yield client
    except (stripe.APIConnectionError, stripe.RateLimitError) as error:
        raise Outage(WHO, "cannot be reached", heals=True) from error
    except stripe.StripeError as error:
        heals = error.http_status is not None and error.http_status >= 500
        log.warning("stripe refused", status=error.http_status, code=error.code)
        raise Outage(WHO, refused, heals=heals, status=error.http_status) from error
    finally:
        http.close()  # type: ignore[no-untyped-call]


def read_event(content: bytes, signature: str) -> Event | None:
    """What an event says, if the provider signed it a short time ago."""
    import stripe  # noqa: PLC0415

    require_set_up()
    secret = settings.stripe_webhook_secret.get_secret_value()
    try:
        stripe.WebhookSignature.verify_header(content.decode(), signature, secret, settings.stripe_event_age_s_max)
    except (ValueError, stripe.SignatureVerificationError):
        return None
    return _event(content)


def _event(content: bytes) -> Event | None:
    try:
        body = orjson.loads(content)
        event = Event(body["id"], body["type"], body["data"]["object"])
    except (ValueError, KeyError, TypeError):
        return None
    is_whole = isinstance(event.key, str) and isinstance(event.kind, str) and isinstance(event.about, dict)
    return event if is_whole else None
