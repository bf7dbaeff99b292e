"""Looks whether everything Fieldgraph needs is there, and says how to mend what is not."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import psycopg
from pydantic import SecretStr
from redis import Redis, RedisError
from sqlalchemy import create_engine, pool, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from app.errors import Unavailable
from app.events import watermark
from app.gateways import mail, storage
from app.operations import audit_chain, stored_bytes
from app.operations.database import poolers, roles, sequences
from app.operations.database.migrate import CONNECT_S_MAX, missing, plain_url
from app.operations.processes.instance import SECRET, secret
from app.operations.production import faults
from app.postgres.replica import LOOK_S, Replica
from app.security import signing
from app.settings import settings
from app.settings.variables import unknown
from app.weights import OFFERS

THREADS_S = 0.2
REPLICA_LOOKS = 30
WORKER_KEYS = "fieldgraph:worker:*"


class Ill(Exception):
    """What is wrong, and what mends it."""

    def __init__(self, what: object, remedy: str) -> None:
        super().__init__(str(what).strip().partition("\n")[0])
        self.remedy = remedy


@dataclass(frozen=True)
class Finding:
    """One line of the report; whatever is not well comes with a remedy."""

    name: str
    message: str
    remedy: str | None = None


def examine() -> list[Finding]:
    """Look at everything once."""
    return [*_settings(), *(_finding(name, look) for name, look in LOOKS.items())]


def _settings() -> Iterator[Finding]:
    """Variables that set nothing, such as a name with a typing error."""
    for name, suggestion in unknown().items():
        yield Finding(
            "settings",
            f"{name} sets nothing",
            f"Did you mean {suggestion}?" if suggestion else "Remove it; `fieldgraph settings` lists all variables.",
        )


def _finding(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, look())
    except Ill as ill:
        return Finding(name, str(ill), ill.remedy)


def _database() -> str:
    if trouble := poolers.trouble_at(_database_url()):
        raise Ill(f"a pooler: {trouble}", poolers.remedy("DATABASE_URL"))
    try:
        return f"PostgreSQL {_database_says('SHOW server_version')}"
    except SQLAlchemyError as error:
        raise Ill(error, "Start the server in DATABASE_URL, or correct the URL.") from None


def _postgis() -> str:
    try:
        return _database_says("SELECT postgis_lib_version()")
    except SQLAlchemyError as error:
        raise Ill(error, "As a superuser, in that database: CREATE EXTENSION postgis;") from None


def _migrations() -> str:
    try:
        behind = missing(_database_url())
    except psycopg.Error as error:
        raise Ill(error, "First fix the database.") from None
    if behind:
        raise Ill(f"{len(behind)} to apply", "Run: fieldgraph migrate")
    return "all applied"


def _role() -> str:
    with _connected() as connection:
        too_much, too_little = roles.excess(connection), roles.lacking(connection)
        name = connection.info.user
    if too_little:
        raise Ill(f"{name} {too_little}", "Run fieldgraph migrate with FIELDGRAPH_OWNER_DATABASE_URL set.")
    if too_much and settings.production:
        raise Ill(f"{name} {too_much}", "Give DATABASE_URL another role, and FIELDGRAPH_OWNER_DATABASE_URL this one.")
    return f"{name} {too_much}; production takes another" if too_much else f"{name} reads and writes rows alone"


def _audit() -> str:
    try:
        with _connected() as connection:
            head = audit_chain.verify(connection, settings.home)
    except audit_chain.Broken as broken:
        raise Ill(broken, "Somebody changed the audit: compare it with a backup.") from None
    return f"{head.position} links hold" + (f", the last is {head.hash[:16]}" if head.hash else "")


def _stored_bytes() -> str:
    with _connected() as connection:
        wrong = stored_bytes.miscounts(connection)
    if wrong:
        raise Ill(f"the bytes of {len(wrong)} accounts are wrong", "Run: fieldgraph counters")
    return "the bytes kept for each account add up"


def _events() -> str:
    try:
        lag_s, holder = asyncio.run(_watermark())
    except SQLAlchemyError as error:
        raise Ill(error, "First fix the database.") from None
    if lag_s > settings.event_lag_s_max:
        who = holder or "a connection this user may not see"
        raise Ill(f"{lag_s:.0f} s late, held up by {who}", "End that transaction: SELECT pg_terminate_backend(…)")
    return "delivered without delay"


async def _watermark() -> tuple[float, watermark.Holder | None]:
    engine = create_async_engine(_database_url(), poolclass=pool.NullPool)
    async with engine.connect() as connection:
        lag_s = await watermark.lag_s(connection)
    async with engine.connect() as connection:
        return lag_s, await watermark.holder(connection)


def _replica() -> str:
    if settings.reader_url is None:
        return "none"
    if trouble := asyncio.run(_trouble_of_replica(_database_url(), settings.reader_url)):
        raise Ill(trouble, "Start the standby in FIELDGRAPH_READER_URL, correct the URL, or unset it.")
    return "queries are read there"


async def _trouble_of_replica(url: str, replica_url: str) -> str | None:
    replica = Replica(url, replica_url, str(settings.redis_url or "redis://localhost"))
    replica.background.start()
    for _ in range(REPLICA_LOOKS):
        await asyncio.sleep(LOOK_S)
        if replica.trouble is None:
            break
    trouble = replica.trouble
    await replica.close()
    return trouble


def _sequences() -> str:
    with _connected() as connection:
        behind = sequences.behind(connection)
    if behind:
        raise Ill(f"{', '.join(behind)} would repeat numbers", "As the owner of the tables: fieldgraph migrate")
    return "ahead of their tables"


@contextmanager
def _connected() -> "Iterator[psycopg.Connection]":
    """A connection to look at the database with."""
    try:
        with psycopg.connect(plain_url(_database_url()), connect_timeout=CONNECT_S_MAX) as connection:
            yield connection
    except psycopg.Error as error:
        raise Ill(error, "First fix the database.") from None


def _database_says(question: str) -> str:
    engine = create_engine(_database_url(), poolclass=pool.NullPool, connect_args={"connect_timeout": CONNECT_S_MAX})
    with engine.connect() as connection:
        return str(connection.scalar(text(question)))


def _database_url() -> str:
    if not settings.database_url:
        raise Ill("not running here", "Start Fieldgraph (make run), or set DATABASE_URL.")
    return settings.database_url


def _redis() -> str:
    try:
        with _redis_client() as client:
            return str(client.info("server")["redis_version"])
    except RedisError as error:
        raise Ill(error, "Start the server in REDIS_URL, or correct the URL.") from None


def _secret() -> str:
    """Which keys sign and open links. Elsewhere than in production, the home has a secret of its own."""
    if not settings.secret.get_secret_value() and not settings.production and (settings.home / SECRET).exists():
        settings.secret = SecretStr(secret(settings.home))
    for fault in faults():
        raise Ill(fault.message, fault.remedy)
    if not signing.keys():
        raise Ill("not set", "Start Fieldgraph (make run), or set FIELDGRAPH_SECRET.")
    now, *before = signing.keys()
    wording = f"signing with key {now.id}" + "".join(f", {key.id} still valid" for key in before)
    return wording if now.is_long_enough else f"{wording}; it is too short for production"


def _worker() -> str:
    try:
        with _redis_client() as client:
            workers = sum(1 for _ in client.scan_iter(WORKER_KEYS))
    except RedisError as error:
        raise Ill(error, "First fix Redis.") from None
    if not workers:
        raise Ill("no heartbeat", "Run: fieldgraph work")
    return f"{workers} running"


def _redis_client() -> Redis:
    if not settings.redis_url:
        raise Ill("not running here", "Start Fieldgraph (make run), or set REDIS_URL.")
    return Redis.from_url(settings.redis_url, socket_connect_timeout=CONNECT_S_MAX)


def _storage() -> str:
    where = settings.storage_url or str(settings.home.resolve())
    try:
        asyncio.run(_write_and_read())
    except (OSError, Unavailable) as error:
        raise Ill(
            error.__cause__ or error, f"Give this user write access to {where}, or set FIELDGRAPH_STORAGE_URL."
        ) from None
    return f"{where} is writable"


async def _write_and_read() -> None:
    key = f"doctor/{uuid4().hex}"
    await storage.put(key, b"well")
    await storage.get(key)
    await storage.delete(key)
    # The store's threads let go of an answer a little after it came, and must not find the interpreter ending.
    await asyncio.sleep(THREADS_S)


def _mail() -> str:
    if not mail.goes_out():
        raise Ill("not set", "Set FIELDGRAPH_SMTP_URL. Without it nobody can sign up or reset a password.")
    if settings.smtp_url is None:
        return f"stored as files in {settings.home / 'mail'}"
    try:
        return f"{mail.greeted()} answers"
    except Unavailable as outage:
        raise Ill(outage, "Start the server in FIELDGRAPH_SMTP_URL, or correct the URL.") from None


def _weights() -> str:
    """Not an illness: an installation without local AI is a whole one."""
    here = [f"{offer.name} ({offer.source})" for offer in OFFERS.values() if offer.reason is None]
    return "; ".join([*here, *(offer.reason for offer in OFFERS.values() if offer.reason)])


LOOKS = {
    "database": _database,
    "PostGIS": _postgis,
    "migrations": _migrations,
    "replica": _replica,
    "sequences": _sequences,
    "role": _role,
    "audit": _audit,
    "usage": _stored_bytes,
    "events": _events,
    "Redis": _redis,
    "secret": _secret,
    "worker": _worker,
    "storage": _storage,
    "mail": _mail,
    "weights": _weights,
}
