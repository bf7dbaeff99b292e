"""The engine and its two kinds of session. A transaction begins and ends here, and nowhere else."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import NewType

import orjson
import psycopg
from sqlalchemy import Constraint, Index, func, select
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from app import events, queue, redis_client
from app.connection import in_words, link, options, punctual
from app.errors import Busy, Conflict
from app.models import Base
from app.reader import Reader
from app.settings import settings

ReadSession = NewType("ReadSession", AsyncSession)
WriteSession = NewType("WriteSession", ReadSession)


class Database:
    """The connection pool of one process."""

    def __init__(self, url: str, redis_url: str, *, statement_s_max: float = settings.statement_s_max) -> None:
        self.engine = create_async_engine(
            url,
            pool_pre_ping=True,
            json_deserializer=orjson.loads,  # what it reads, the API can write: numbers of any length, too
            hide_parameters=True,  # they are people's data, and errors are logged
            pool_size=settings.database_pool,
            max_overflow=0,
            pool_timeout=settings.database_pool_wait_s,
            connect_args={
                "options": options(statement_s_max),
                "async_creator_fn": punctual(statement_s_max + settings.database_silence_s_max).connect,
                **link(),
            },
        )
        self.reader = Reader(url, statement_s_max=statement_s_max)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        self._redis = redis_client.client(redis_url)
        self._turns = asyncio.Semaphore(max(1, settings.database_pool // 2))

    @asynccontextmanager
    async def reading(self, *, in_turn: bool = False) -> AsyncIterator[ReadSession]:
        """A session for reads; each batch of reads opens its own, since sessions do not share.

        One event may wake hundreds of subscriptions at once. They read `in_turn`: however long that takes, none of
        them is refused, and half of the pool stays free for those who ask.
        """
        async with self._turns if in_turn else nullcontext():
            with _in_words():
                async with self._sessions() as session:
                    yield ReadSession(session)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[WriteSession]:
        """One transaction: commits on success, then sends its jobs and wakes its readers; rolls back on any error."""
        with _in_words():
            async with self._sessions() as session:
                async with session.begin():
                    yield WriteSession(ReadSession(session))
                await queue.nudge(queue.taken_from(session))
                await events.wake(session, self._redis)

    async def close(self) -> None:
        """Closes every connection."""
        await self._redis.aclose()
        await self.reader.close()
        await self.engine.dispose()


@asynccontextmanager
async def part(session: WriteSession) -> AsyncIterator[None]:
    """A part of a transaction, which is undone alone if it fails."""
    async with session.begin_nested():
        yield


async def lock(session: WriteSession, what: str) -> None:
    """Waits until no other transaction holds the lock of this name, and holds it until this one ends."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(what, 0))))


@contextmanager
def _in_words() -> Iterator[None]:
    """What the database says, in the domain's words."""
    try:
        yield
    except IntegrityError as error:
        raise conflict_from(error) from error
    except PoolTimeout:
        raise Busy from None
    except DBAPIError as error:
        said = in_words(error.orig) if isinstance(error.orig, psycopg.Error) else None
        if said is None:
            raise
        raise said from error


def conflict_from(error: IntegrityError) -> Exception:
    """The message declared beside the violated constraint or index, or one for all keys, or the error itself."""
    name = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    for table in Base.metadata.tables.values():
        rules: list[Constraint | Index] = [*table.constraints, *table.indexes]
        for rule in rules:
            if rule.name == name and "conflict" in rule.info:
                return Conflict(rule.info["conflict"])
    if isinstance(error.orig, psycopg.errors.ForeignKeyViolation):
        return Conflict("What this belongs to was deleted at the same time, or something still rests on it.")
    return error
