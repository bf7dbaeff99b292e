"""The few calls of Stripe that are used: pages and charges, once per idempotency key, and signed events."""

import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse

_pages: dict[str, dict[str, Any]] = {}
charges: dict[str, dict[str, str]] = {}
"""The charges of saved cards that reached a bank, by their idempotency keys."""
detached: list[str] = []
"""The customers whose card was detached."""


async def open_page(request: Request) -> JSONResponse:
    """POST /v1/checkout/sessions: forms as Stripe takes them, answers as it gives them."""
    if (refusal := _refusal(request)) is not None:
        return refusal
    form = await _form(request)
    key = request.headers["idempotency-key"]
    if key not in _pages:
        number = len(_pages) + 1
        _pages[key] = {
            "id": f"cs_test_{number}",
            "object": "checkout.session",
            "url": f"https://checkout.example.org/{number}",
            "amount_total": int(form["line_items[0][price_data][unit_amount]"]),
            "currency": form["line_items[0][price_data][currency]"],
            "metadata": {"top_up": form["metadata[top_up]"]},
            "payment_status": "unpaid",
        }
    return JSONResponse(_pages[key])


def list_cards(request: Request) -> JSONResponse:
    """GET /v1/customers/{customer}/payment_methods: one card until it is detached, or none of `cus_cardless`.

    The provider does not know `cus_gone`.
    """
    if (refusal := _refusal(request)) is not None:
        return refusal
    customer = request.path_params["customer"]
    if customer == "cus_gone":
        error = {"type": "invalid_request_error", "code": "resource_missing", "message": "No such customer."}
        return JSONResponse({"error": error}, status_code=404)
    cards = [{"id": f"pm_{customer}", "object": "payment_method", "type": "card", "customer": customer}]
    data = [] if customer == "cus_cardless" or customer in detached else cards
    return JSONResponse({"object": "list", "data": data, "has_more": False, "url": request.url.path})


def detach_card(request: Request) -> JSONResponse:
    """POST /v1/payment_methods/{card}/detach. The customer's name says what happens, as when it is charged."""
    if (refusal := _refusal(request)) is not None:
        return refusal
    card = request.path_params["card"]
    customer = card.removeprefix("pm_")
    if customer != "cus_broken":
        detached.append(customer)
    if customer in {"cus_broken", "cus_lost"}:
        return JSONResponse({"error": {"type": "api_error", "message": "Try later."}}, status_code=500)
    return JSONResponse({"id": card, "object": "payment_method", "type": "card", "customer": None})


async def charge(request: Request) -> JSONResponse:
    """POST /v1/payment_intents, once per idempotency key. The customer's name says what happens.

    `cus_declined`: the bank refuses. `cus_processing`: it takes its time. `cus_lost`: the card is charged, and the
    first answer is an error of the server. `cus_broken`: nothing but such errors.
    """
    if (refusal := _refusal(request)) is not None:
        return refusal
    form = await _form(request)
    key, customer = request.headers["idempotency-key"], form["customer"]
    if customer == "cus_broken":
        return JSONResponse({"error": {"type": "api_error", "message": "Try later."}}, status_code=500)
    is_new = key not in charges
    charges.setdefault(key, form)
    if customer == "cus_declined":
        error = {"type": "card_error", "code": "card_declined", "message": "Your card was declined."}
        return JSONResponse({"error": error}, status_code=402)
    if customer == "cus_lost" and is_new:
        return JSONResponse({"error": {"type": "api_error", "message": "Try later."}}, status_code=500)
    return JSONResponse(
        {
            "id": f"pi_{key}",
            "object": "payment_intent",
            "status": "processing" if customer == "cus_processing" else "succeeded",
            "amount": int(form["amount"]),
            "currency": form["currency"],
        }
    )


def _refusal(request: Request) -> JSONResponse | None:
    if request.headers.get("authorization", "").startswith("Bearer sk_test_"):
        return None
    error = {"type": "invalid_request_error", "message": "Invalid API Key provided."}
    return JSONResponse({"error": error}, status_code=401)


async def _form(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}


def signed(content: bytes, secret: str, *, at: float | None = None) -> str:
    """The header `Stripe-Signature` of an event."""
    moment = int(time.time() if at is None else at)
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + content, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def event(key: str, kind: str, about: dict[str, Any]) -> bytes:
    """An event as Stripe sends it."""
    return json.dumps({"id": key, "object": "event", "type": kind, "data": {"object": about}}).encode()
