"""Passwords and tokens: how they are made, kept and compared."""

import asyncio
import hashlib
import math
import secrets
import zlib
from collections.abc import Callable
from functools import cache
from time import process_time
from typing import ParamSpec, TypeVar

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

from app.settings import settings
from app.telemetry.metering import charge

P = ParamSpec("P")
T = TypeVar("T")

KEY_PREFIX = "fg_"
SECRET_LENGTH = 64
CHECKSUM_LENGTH = 8
# So much of a key may be shown to tell it from others: far from enough to guess the rest.
HINT_LENGTH = 8

_hashes = PasswordHash((Argon2Hasher(),))


@cache
def _hashing_at_once(_loop: asyncio.AbstractEventLoop) -> asyncio.Semaphore:
    return asyncio.Semaphore(settings.password_hashes_at_once)


@cache
def _hash_of_nobody() -> str:
    return _hashes.hash(secrets.token_urlsafe())


class _Meter:
    """What a hash costs. Argon2 computes in threads of its own, which the clock of the calling thread leaves out."""

    def __init__(self) -> None:
        self._hash_s = math.inf

    async def run(self, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """The result of hashing in a thread; its time is charged."""

        def run() -> T:
            began = process_time()
            result = function(*arguments, **named)
            # Each hash is the same work, and the rest of the process only adds to it: the least is the truth.
            self._hash_s = min(self._hash_s, process_time() - began)
            return result

        result = await asyncio.to_thread(run)
        charge(self._hash_s)
        return result


_meter = _Meter()


async def hash_password(password: str) -> str:
    """An argon2id hash. It takes a tenth of a second by design: a thread, and never many at once."""
    async with _hashing_at_once(asyncio.get_running_loop()):
        return await _meter.run(_hashes.hash, password)


async def password_matches(password: str, password_hash: str | None) -> bool:
    """Whether it is the password. Without a hash it takes as long, so that time does not tell who has an account."""
    async with _hashing_at_once(asyncio.get_running_loop()):
        try:
            nobody = await asyncio.to_thread(_hash_of_nobody)
            matches = await _meter.run(_hashes.verify, password, password_hash or nobody)
        except UnknownHashError:
            return False
    return matches and password_hash is not None


def new_token() -> str:
    """An opaque token of 256 random bits."""
    return secrets.token_urlsafe(32)


def new_key() -> str:
    """An API key's token: as random, but known as ours by its beginning, and as whole by its checksum."""
    secret = secrets.token_hex(SECRET_LENGTH // 2)
    return f"{KEY_PREFIX}{secret}{_checksum(secret)}"


def is_key(token: str) -> bool:
    """Whether a token is an API key's, mistyped nowhere; no session's token is."""
    secret = token[len(KEY_PREFIX) : -CHECKSUM_LENGTH]
    return len(secret) == SECRET_LENGTH and token == f"{KEY_PREFIX}{secret}{_checksum(secret)}"


def _checksum(secret: str) -> str:
    return f"{zlib.crc32(secret.encode()):0{CHECKSUM_LENGTH}x}"


def token_hash(token: str) -> bytes:
    """What is kept of a token. It is random already: a fast hash keeps it secret."""
    return hashlib.sha256(token.encode()).digest()
