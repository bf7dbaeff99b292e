"""Looks whether everything Fieldgraph needs is there, and says how to mend what is not."""

from collections.abc import Callable
from dataclasses import dataclass

import redis
from sqlalchemy import create_engine, pool, text
from sqlalchemy.exc import SQLAlchemyError

from app.migrate import missing
from app.settings import settings

WORKER_KEYS = "fieldgraph:worker:*"


class Ill(Exception):
    """What is wrong, and what mends it."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.remedy = remedy


@dataclass(frozen=True)
class Finding:
    """One line of the report; a remedy means that it needs one."""

    name: str
    said: str
    remedy: str | None = None


def examine() -> list[Finding]:
    """Every check once, the later ones also when an earlier one failed."""
    return [_finding(name, check) for name, check in CHECKS.items()]


def _finding(name: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name, check())
    except Ill as ill:
        return Finding(name, str(ill), ill.remedy)


def _database_says(question: str) -> str:
    if not settings.database_url:
        raise Ill("no DATABASE_URL, and nothing runs here", "Start Fieldgraph (make run), or set DATABASE_URL.")
    engine = create_engine(settings.database_url, poolclass=pool.NullPool, connect_args={"connect_timeout": 5})
    with engine.connect() as connection:
        return str(connection.scalar(text(question)))


def _database() -> str:
    try:
        return f"PostgreSQL {_database_says('SHOW server_version')}"
    except SQLAlchemyError as error:
        raise Ill(_first_line(error), "Start the server that DATABASE_URL names, or mend the URL.") from None


def _postgis() -> str:
    try:
        return _database_says("SELECT postgis_lib_version()")
    except SQLAlchemyError as error:
        raise Ill(_first_line(error), "As a superuser, in that database: CREATE EXTENSION postgis;") from None


def _redis() -> str:
    try:
        return f"Redis {_redis_client().info('server')['redis_version']}"
    except redis.RedisError as error:
        raise Ill(_first_line(error), "Start the server that REDIS_URL names, or mend the URL.") from None


def _migrations() -> str:
    try:
        behind = missing(settings.database_url) if settings.database_url else []
    except SQLAlchemyError as error:
        raise Ill(_first_line(error), "First mend the database.") from None
    if behind or not settings.database_url:
        raise Ill(f"{len(behind)} to apply", "Run: fieldgraph migrate")
    return "all applied"


def _storage() -> str:
    return ""


def _worker() -> str:
    try:
        workers = sum(1 for _ in _redis_client().scan_iter(WORKER_KEYS))
    except redis.RedisError as error:
        raise Ill(_first_line(error), "First mend Redis.") from None
    if not workers:
        raise Ill("no heartbeat", "Run: fieldgraph work")
    return f"{workers} at work"


def _redis_client() -> redis.Redis:
    if not settings.redis_url:
        raise Ill("no REDIS_URL, and nothing runs here", "Start Fieldgraph (make run), or set REDIS_URL.")
    return redis.Redis.from_url(settings.redis_url, socket_connect_timeout=5)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "PostGIS": _postgis,
    "Redis": _redis,
    "migrations": _migrations,
    "storage": _storage,
    "worker": _worker,
}
