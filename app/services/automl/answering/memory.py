"""Machines in the memory of this process, by what their files say, within a bound."""

import asyncio
import hashlib
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from app.database import Database
from app.errors import Conflict
from app.formats.tables.answering import Answerer
from app.gateways import storage
from app.lru import LRU
from app.models.automl.machines import MachineColumn
from app.services.automl.machines.columns import written
from app.services.automl.machines.loading import columns_in_order
from app.settings import settings
from app.tabular.bundle import UnreadableMachine
from app.tabular.predictor import Predictor
from app.telemetry.metering import in_thread

MACHINES_MAX = 10_000


class Version(NamedTuple):
    """The version of a machine that answers: where its file is, and what it says; and whose machine it is."""

    machine_id: int
    number: int
    storage_key: str
    sha256: str
    size_bytes: int
    level: int
    owner_id: int
    is_used: bool
    # Of what is offered in the market, if it is.
    listing_id: int | None = None
    price_usd: Decimal = Decimal(0)


class _Key(NamedTuple):
    """The same content answers alike, but its columns may be written in another way in another machine."""

    sha256: str
    machine_id: int
    size_bytes: int


def machines_kept(bytes_max: int) -> LRU[_Key, Answerer]:
    """Room for machines whose files have so many bytes together."""
    return LRU(MACHINES_MAX, weigh=lambda key: key.size_bytes, weight_max=bytes_max)


_kept = machines_kept(settings.machines_in_memory_bytes_max)


@lru_cache(maxsize=1)
def _one_at_a_time(_loop: asyncio.AbstractEventLoop) -> asyncio.Semaphore:
    return asyncio.Semaphore(1)


async def answerer(database: Database, version: Version) -> Answerer:
    """The machine, from memory if it is there; Conflict if its file cannot answer."""
    key = _Key(version.sha256, version.machine_id, version.size_bytes)
    known = _kept.get(key)
    if known is not None:
        return known
    # One at a time: many who ask at once for the same machine read it once, and there is never more than one extra.
    async with _one_at_a_time(asyncio.get_running_loop()):
        known = _kept.get(key)
        if known is None:
            known = await _loaded(database, version)
            _kept.put(key, known)
        return known


async def _loaded(database: Database, version: Version) -> Answerer:
    async with database.reading() as session:
        columns: Sequence[MachineColumn] = await columns_in_order(session, version.machine_id)
        described = [written(each) for each in columns]
    return await in_thread(read, await storage.get(version.storage_key), version.sha256, described)


def read(data: bytes, sha256: str, columns: Sequence[dict[str, Any]]) -> Answerer:
    """The machine of a file that is what it was when it was stored."""
    if hashlib.sha256(data).hexdigest() != sha256:
        raise Conflict("The file of this machine's model was changed. Train it again.")
    try:
        return Answerer.of(Predictor.load(data), columns)
    except UnreadableMachine as unreadable:
        raise Conflict(str(unreadable)) from None
