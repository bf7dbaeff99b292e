"""Deadlines that tests of silent servers can wait for."""

import asyncio
from collections.abc import Callable

from app.settings import settings

# Long beside every deadline below, short beside a wait without one.
PATIENCE_S = 40
DEADLINES = {
    "database_silence_s_max": 0.5,
    "database_connect_s_max": 2,
    "database_pool_wait_s": 1,
    "background_silence_s_max": 2,
    "redis_s_max": 0.5,
    "storage_silence_s_max": 1,
    "smtp_s_max": 1,
    "osm_s_max": 1,
    "osm_account_s_max": 1,
    "imagery_s_max": 1,
    "osm_tries_max": 1,
    "imagery_tries_max": 1,
    "osm_overpass_url": None,
}


def shorten_deadlines(monkeypatch):
    """Make every deadline one that a test can wait for."""
    for name, value in DEADLINES.items():
        monkeypatch.setattr(settings, name, value)


async def in_time(work):
    """What the work answers; a wait without a deadline fails here."""
    async with asyncio.timeout(PATIENCE_S):
        return await work


async def until(holds: Callable[[], object]) -> None:
    """Wait for what happens soon, and fail when it does not."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0.01)
