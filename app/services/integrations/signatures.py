"""Signatures of webhooks, as Standard Webhooks defines them (https://www.standardwebhooks.com).

What is signed is `<webhook-id>.<webhook-timestamp>.<body>`. Beside the signatures a header names their keys, in the
same order: after a change of the secret both sign for a while.
"""

import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import NamedTuple

from app.security import encryption

PREFIX = "whsec_"
USE = "webhooks"
SECRET_BYTES = 32


class Key(NamedTuple):
    """A secret and its id, which tells receivers which of several it is."""

    id: str
    secret: str


def new_key() -> Key:
    """A random secret, written as receivers' libraries expect it."""
    return Key(f"key_{secrets.token_hex(8)}", PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode())


def sealed(secret: str) -> str:
    """A secret as the database keeps it."""
    return encryption.encrypt(USE, secret)


def unsealed(token: str) -> str:
    """A secret as receivers know it."""
    return encryption.decrypt(USE, token)


def headers(message_id: str, *, at: int, body: bytes, keys: Sequence[Key]) -> dict[str, str]:
    """The headers of a request with this body, sent at this second."""
    signed = f"{message_id}.{at}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(f"v1,{_signature(key.secret, signed)}" for key in keys),
        "webhook-key-id": " ".join(key.id for key in keys),
    }


def _signature(secret: str, signed: bytes) -> str:
    return b64encode(hmac.digest(b64decode(secret.removeprefix(PREFIX)), signed, "sha256")).decode()
