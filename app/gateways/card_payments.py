"""Payments by card through Stripe, by its own library: a page to pay on, and events that it signs."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson
import structlog

from app.errors import Unavailable
from app.gateways.outside import Outage
from app.settings import settings

WHO = "Stripe"
CENTS = 100
NO_CARDS = "This installation takes no cards. Ask its staff to top up your balance."

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Page:
    """Where to pay."""

    key: str
    url: str


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


async def open_page(*, reference: str, usd: Decimal) -> Page:
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
    return await asyncio.to_thread(_open_page, params, f"top-up-{reference}")


def _open_page(params: Any, key: str) -> Page:
    import stripe  # noqa: PLC0415 -- it has thousands of classes, and few processes need one

    http = stripe.RequestsClient(timeout=settings.stripe_s_max)
    client = stripe.StripeClient(
        settings.stripe_secret_key.get_secret_value(),
        base_addresses={"api": settings.stripe_url},
        max_network_retries=0,  # the job is tried again
        http_client=http,
    )
    try:
        page = client.v1.checkout.sessions.create(params, {"idempotency_key": key})
    except (stripe.APIConnectionError, stripe.RateLimitError) as error:
        raise Outage(WHO, "cannot be reached", heals=True) from error
    except stripe.StripeError as error:
        heals = error.http_status is not None and error.http_status >= 500
        log.warning("stripe refused", status=error.http_status, code=error.code)
        raise Outage(WHO, "refused to open a page for the payment", heals=heals, status=error.http_status) from error
    finally:
        http.close()  # type: ignore[no-untyped-call]
    return Page(page.id, page.url or "")


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
        told = orjson.loads(content)
        event = Event(told["id"], told["type"], told["data"]["object"])
    except (ValueError, KeyError, TypeError):
        return None
    is_whole = isinstance(event.key, str) and isinstance(event.kind, str) and isinstance(event.about, dict)
    return event if is_whole else None
