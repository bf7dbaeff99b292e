"""The few calls of Stripe that are used: pages to pay on, once per idempotency key, and events that are signed."""

import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse

_pages: dict[str, dict[str, Any]] = {}


async def open_page(request: Request) -> JSONResponse:
    """POST /v1/checkout/sessions: forms as Stripe takes them, answers as it gives them."""
    if not request.headers.get("authorization", "").startswith("Bearer sk_test_"):
        error = {"type": "invalid_request_error", "message": "Invalid API Key provided."}
        return JSONResponse({"error": error}, status_code=401)
    form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
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


def signed(content: bytes, secret: str, *, at: float | None = None) -> str:
    """The header `Stripe-Signature` of an event."""
    moment = int(time.time() if at is None else at)
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + content, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def event(key: str, kind: str, about: dict[str, Any]) -> bytes:
    """An event as Stripe sends it."""
    return json.dumps({"id": key, "object": "event", "type": kind, "data": {"object": about}}).encode()
