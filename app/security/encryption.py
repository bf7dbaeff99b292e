"""Secrets of others that we must be able to read again, such as a password for another service, encrypted at rest.

A token begins with the id of its key, as signed ones do (`app/security/signing.py`). `FIELDGRAPH_SECRET` encrypts; it
and each secret of `FIELDGRAPH_SECRET_PREVIOUS` decrypt. Each use has keys of its own, derived from the secrets.
"""

import hmac
from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from app.errors import Unavailable
from app.security import signing


def encrypt(use: str, text: str) -> str:
    """The text as a token that only this installation can read, and only for this use."""
    [key, *_] = _keys()
    return f"{key.id}.{_fernet(use).encrypt(text.encode()).decode()}"


def decrypt(use: str, token: str) -> str:
    """The text of a token; Unavailable if no key of this installation made it for this use."""
    _, _, encrypted = token.partition(".")
    try:
        return _fernet(use).decrypt(encrypted.encode()).decode()
    except InvalidToken:
        raise Unavailable(
            "A stored secret cannot be read: it was encrypted with another FIELDGRAPH_SECRET. Enter it again."
        ) from None


def is_current(token: str) -> bool:
    """Whether the key that encrypts now made a token; if not, encrypt its text anew."""
    return token.partition(".")[0] == _keys()[0].id


def _keys() -> tuple[signing.Key, ...]:
    keys = signing.keys()
    if not keys:
        raise RuntimeError("Nothing can be encrypted without a secret. Set FIELDGRAPH_SECRET.")
    return keys


def _fernet(use: str) -> MultiFernet:
    derived = (hmac.digest(key.secret.encode(), f"encryption:{use}".encode(), "sha256") for key in _keys())
    return MultiFernet([Fernet(urlsafe_b64encode(key)) for key in derived])
