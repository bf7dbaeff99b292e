"""Which code does which job, and how a worker comes to run it."""

import asyncio
from collections.abc import Awaitable, Callable

import dramatiq

from app import queue
from app.database import Database, WriteSession
from app.models import JobKind
from app.services import system
from app.settings import settings
from jobs.run import Run, Work, attempt

WORKS: dict[JobKind, Work] = {}


def job(
    kind: JobKind, *, failed: Callable[[WriteSession, int, str], Awaitable[None]], is_heavy: bool = False
) -> Callable[[Callable[[Run], Awaitable[None]]], Callable[[Run], Awaitable[None]]]:
    """Registers the code of a kind of job; `failed` writes what its subject becomes when it fails for good.

    Heavy work keeps a core busy for minutes, in a process of its own; a worker takes on few of those at once.
    """

    def register(do: Callable[[Run], Awaitable[None]]) -> Callable[[Run], Awaitable[None]]:
        assert kind not in WORKS, f"{kind} has two actors"
        WORKS[kind] = Work(kind, do, failed, is_heavy)
        return do

    return register


class Runner:
    """Runs jobs on one event loop, at the word of Dramatiq's threads."""

    def __init__(self, database: Database, threads: int) -> None:
        self.database = database
        self.leaving = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._room = threads
        self._heavy = 0

    def has_room_for(self, work: Work) -> bool:
        """Whether a thread waits for such work."""
        return self._room > 0 and not (work.is_heavy and self._heavy >= settings.job_heavy_at_once)

    def declare(self, broker: dramatiq.Broker) -> None:
        """Makes an actor of each kind of job."""
        for work in WORKS.values():
            dramatiq.actor(actor_name=work.kind.value.lower(), broker=broker)(self._actor(work))

    def _actor(self, work: Work) -> Callable[[int], None]:
        def run(job_id: int) -> None:
            asyncio.run_coroutine_threadsafe(self.run(work, job_id), self._loop).result()

        return run

    async def run(self, work: Work, job_id: int) -> None:
        """One attempt. A heavy job that finds no room stays queued and is called when there is."""
        if self.leaving.is_set() or not self.has_room_for(work):
            return
        self._heavy += work.is_heavy
        self._room -= 1
        try:
            await attempt(self.database, work, job_id, self.leaving)
        finally:
            self._room += 1
            self._heavy -= work.is_heavy
        if work.is_heavy and not self.leaving.is_set():
            await self.call(after_s=0)

    async def call(self, *, after_s: float) -> None:
        """Sends for the jobs that have waited so long and find room here; calls for others would only heap up."""
        kinds = [work.kind for work in WORKS.values() if self.has_room_for(work)]
        async with self.database.writing() as session:
            waiting = await system.overdue(session, kinds, after_s=after_s)
        await queue.nudge(waiting)
