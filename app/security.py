"""Passwords and tokens: how they are made, kept and compared."""

import asyncio
import hashlib
import secrets
import zlib
from functools import cache

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

from app.metering import in_thread
from app.settings import settings

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


async def hash_password(password: str) -> str:
    """An argon2id hash. It takes a tenth of a second by design: a thread, and never many at once."""
    async with _hashing_at_once(asyncio.get_running_loop()):
        return await in_thread(_hashes.hash, password)


async def password_matches(password: str, password_hash: str | None) -> bool:
    """Whether it is the password. Without a hash it takes as long, so that time does not tell who has an account."""
    async with _hashing_at_once(asyncio.get_running_loop()):
        try:
            matches = await in_thread(_hashes.verify, password, password_hash or _hash_of_nobody())
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
