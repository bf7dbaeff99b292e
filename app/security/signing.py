"""Everything that is signed with this installation's secret, and how that secret is replaced.

A token begins with the id of the key that signed it. `FIELDGRAPH_SECRET` signs; it and each secret of
`FIELDGRAPH_SECRET_PREVIOUS` open what they have signed, so what was sent before the secret was replaced holds until it
expires. Tokens from before keys had ids name none, and are tried with each key.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from itsdangerous import BadSignature, SignatureExpired, URLSafeSerializer, URLSafeTimedSerializer

from app.settings import settings

SECRET_BYTES_MIN = 32
KEY_ID_BYTES = 6
SHA256 = {"digest_method": hashlib.sha256}


@dataclass(frozen=True)
class Key:
    """A secret that signs, and the name tokens know it by, which tells nothing of it."""

    id: str
    secret: str

    @property
    def is_long_enough(self) -> bool:
        """Whether it is as long as a secret has to be that nobody can find by trying."""
        return len(self.secret.encode()) >= SECRET_BYTES_MIN


def keys() -> tuple[Key, ...]:
    """The key that signs, and those before it."""
    return _keys(settings.secret.get_secret_value(), settings.secret_previous.get_secret_value())


@lru_cache(maxsize=8)
def _keys(secret: str, previous: str) -> tuple[Key, ...]:
    secrets = dict.fromkeys(each.strip() for each in (secret, *previous.split(",")) if each.strip())
    return tuple(Key(_id(each), each) for each in secrets) if secret.strip() else ()


def _id(secret: str) -> str:
    digest = hmac.digest(secret.encode(), b"fieldgraph key id", "sha256")
    return urlsafe_b64encode(digest[:KEY_ID_BYTES]).decode()


class _Signer:
    def __init__(self, use: str) -> None:
        self._use = use

    def dumps(self, value: Any) -> str:
        """A token that holds the value for all to read and for nobody to change."""
        key = _signing()
        return f"{key.id}.{_text(self._serializer(key).dumps(value))}"

    def _serializer(self, key: Key) -> Any:
        raise NotImplementedError


class Seal(_Signer):
    """Signs values for one use, and opens them again; what was signed for one use is worth nothing for another."""

    def loads(self, token: str) -> Any:
        """The value of a token; BadSignature if it is not ours."""
        return _opened(token, lambda key, signed: self._serializer(key).loads(signed))

    def _serializer(self, key: Key) -> URLSafeSerializer:
        return URLSafeSerializer(key.secret, salt=self._use, signer_kwargs=SHA256)


class TimedSeal(_Signer):
    """The same for values that hold for a while: it knows when it signed them."""

    def loads(self, token: str, *, s_max: float) -> Any:
        """The value of a token; BadSignature if it is not ours, SignatureExpired if it is older than that."""
        return _opened(token, lambda key, signed: self._serializer(key).loads(signed, max_age=int(s_max)))

    def _serializer(self, key: Key) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(key.secret, salt=self._use, signer_kwargs=SHA256)


def _opened(token: str, open_with: Callable[[Key, str], Any]) -> Any:
    error = BadSignature("No key has signed this.")
    for key, signed in _candidates(token):
        try:
            return open_with(key, signed)
        except SignatureExpired:
            raise
        except BadSignature as refused:
            error = refused
    raise error


def derived(use: str, text: str, *, like: str | None = None) -> bytes:
    """What only we can make of a text; with the key that signed the token `like`, when one is given."""
    named = [key for key, _ in _candidates(like)][:1] if like is not None else []
    key = named[0] if named else _signing()
    return hmac.digest(key.secret.encode(), f"{use}:{text}".encode(), "sha256")


def _signing() -> Key:
    known_keys = keys()
    if not known_keys:
        raise RuntimeError("Nothing can be signed without a secret. Set FIELDGRAPH_SECRET.")
    return known_keys[0]


def _candidates(token: str) -> list[tuple[Key, str]]:
    """The keys that may have signed a token, and what they have signed of it."""
    _signing()
    key_id, _, signed = token.partition(".")
    named = [(key, signed) for key in keys() if key.id == key_id]
    return named or [(key, token) for key in keys()]


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
