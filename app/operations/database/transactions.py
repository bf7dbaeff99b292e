"""A change that an operator asks for at the command line: in one transaction, refused in one sentence."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from app.database import Database, WriteSession
from app.errors import DomainError, Invalid
from app.operations.processes.process import CannotStart
from app.settings import settings

T = TypeVar("T")


def change(deed: Callable[[WriteSession], Awaitable[T]]) -> T:
    """What comes of a deed in a transaction of its own. CannotStart if it is refused."""
    return result_of(_carried_out(deed))


def result_of(work: Coroutine[Any, Any, T]) -> T:
    """What comes of work that needs no transaction. CannotStart if it is refused."""
    try:
        return asyncio.run(work)
    except Invalid as error:
        raise CannotStart(f"{error.field}: {error.message}") from None
    except DomainError as error:
        raise CannotStart(error.message) from None


async def _carried_out(deed: Callable[[WriteSession], Awaitable[T]]) -> T:
    database = Database(str(settings.database_url), str(settings.redis_url))
    try:
        async with database.writing() as session:
            return await deed(session)
    finally:
        await database.close()
