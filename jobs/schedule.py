"""What runs by the clock: the sweep for lost nudges and lost workers, the heartbeat, the housekeeping."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial

from app import redis_client
from app.database import Database
from app.models.kinds import Lane
from app.services.accounts.users import deletion
from app.services.system import banners, digests, jobs
from app.settings import settings
from app.supervision import Background
from jobs.broker import WORKS, Runner
from jobs.housekeeping import run_housekeeping

HEARTBEAT_KEY = f"fieldgraph:worker:{socket.gethostname()}:{os.getpid()}"
PRUNE_S = 3_600.0
PARTING_S = 60.0
DEED_S_MAX = 120.0


async def sweep(runner: Runner) -> None:
    """Takes jobs from workers that died, ends what nobody may begin any more, and begins what nobody was told of."""
    async with runner.database.reading() as reading:
        dead = runner.watch.dead(await jobs.leases(reading))
    async with runner.database.writing() as session:
        if dead:
            await jobs.release(session, dead)
        for job in await jobs.abandon(session):
            await WORKS[job.kind].give_up(session, job.subject_id, str(job.error))
    await runner.look()


async def announce(database: Database) -> None:
    """Publishes banners that start and end, and mails notifications."""
    async with database.writing() as session:
        await banners.announce_banners(session)
    async with database.writing() as session:
        await digests.post_digests(session)


async def beat(tasks: Sequence[Background]) -> None:
    """Says that this worker lives, if all these get things done; `fieldgraph doctor` listens."""
    if not any(task.trouble for task in tasks):
        async with redis_client.client(str(settings.redis_url)) as redis:
            await redis.set(HEARTBEAT_KEY, datetime.now(UTC).isoformat(), px=int(settings.job_sweep_s * 5_000))


def every(seconds: float, deed: Callable[[], Awaitable[None]], *, name: str, s_max: float) -> Background:
    """Does something again and again, each time within `s_max`; what fails or hangs is begun anew after a pause."""

    async def work(task: Background) -> None:
        while True:
            await deed()
            task.well()
            await asyncio.sleep(seconds)

    return Background(
        name, work, silence_s_max=seconds + s_max, pause_s_max=max(seconds, settings.background_pause_s_max)
    )


Deed = Callable[[Database], Awaitable[None]]
_deeds: dict[str, Deed] = {}


def by_the_clock(name: str, deed: Deed) -> None:
    """Registers what a domain does at every sweep."""
    assert name not in _deeds, f"there are two deeds named {name}"
    _deeds[name] = deed


def clockwork(runner: Runner) -> list[Background]:
    """Everything that runs by the clock; the worker says that it lives while nothing of it is in trouble."""
    database, sweep_s, soon_s = runner.database, settings.job_sweep_s, settings.background_silence_s_max
    search_s_max = (1 + len(Lane)) * settings.job_lease_s
    tasks = [
        every(settings.job_poll_s, runner.look, name="job search", s_max=search_s_max),
        every(sweep_s, partial(sweep, runner), name="sweep", s_max=DEED_S_MAX),
        every(sweep_s, partial(announce, database), name="announcements", s_max=DEED_S_MAX),
        every(PRUNE_S, partial(run_housekeeping, database), name="housekeeping", s_max=PRUNE_S),
        every(PARTING_S, partial(deletion.delete_due_accounts, database), name="account deletion", s_max=PRUNE_S),
    ]
    tasks += [every(sweep_s, partial(deed, database), name=name, s_max=DEED_S_MAX) for name, deed in _deeds.items()]
    return [*tasks, every(sweep_s, partial(beat, tasks), name="heartbeat", s_max=soon_s)]


async def keep_time(runner: Runner) -> None:
    """Everything that runs by the clock, until cancelled."""
    tasks = clockwork(runner)
    try:
        for task in tasks:
            task.start()
        await asyncio.Event().wait()
    finally:
        await asyncio.gather(*(task.stop() for task in tasks))
