"""Which code does which job, and how a worker comes to run it: lane by lane, whose turn it is."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import dramatiq
import structlog

from app import queue
from app.database import Database, WriteSession
from app.models.kinds import JobKind, Lane
from app.services.system import jobs
from app.services.system.jobs import Claim
from app.settings import settings
from app.supervision import within
from jobs.run import JobRun, Work, carry_out
from jobs.watch import Watch

log = structlog.get_logger()
WORKS: dict[JobKind, Work] = {}


def job(
    kind: JobKind, *, failed: Callable[[WriteSession, int, str], Awaitable[None]]
) -> Callable[[Callable[[JobRun], Awaitable[None]]], Callable[[JobRun], Awaitable[None]]]:
    """Registers the code of a kind of job; `failed` writes what its subject becomes when it fails for good.

    The kind itself says which lane it takes: who asks for a job must know, too.
    """

    def register(do: Callable[[JobRun], Awaitable[None]]) -> Callable[[JobRun], Awaitable[None]]:
        assert kind not in WORKS, f"{kind} has two actors"
        WORKS[kind] = Work(kind, do, failed)
        return do

    return register


def places(lane: Lane) -> int:
    """How many jobs of a lane a worker does at once."""
    return {
        Lane.QUICK: settings.job_quick_at_once,
        Lane.SLOW: settings.job_slow_at_once,
        Lane.HEAVY: settings.job_heavy_at_once,
    }[lane]


class Runner:
    """Runs jobs on one event loop, at the word of Dramatiq's threads, and when it finds some itself."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.leaving = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._taken = dict.fromkeys(Lane, 0)
        self._held: dict[Lane, Counter[int]] = {lane: Counter() for lane in Lane}
        self._asking = {lane: asyncio.Lock() for lane in Lane}
        self._found: set[asyncio.Task[None]] = set()
        self._suspects = asyncio.Lock()
        self.watch = Watch()

    def declare(self, broker: dramatiq.Broker) -> None:
        """Makes an actor of each lane."""
        for lane in Lane:
            name = queue.queue_of(lane)
            dramatiq.actor(actor_name=name, queue_name=name, broker=broker)(self._actor(lane))

    def _actor(self, lane: Lane) -> Callable[[], None]:
        def run() -> None:
            asyncio.run_coroutine_threadsafe(self.work_off(lane), self._loop).result()

        return run

    async def work_off(self, lane: Lane) -> None:
        """Does the jobs of a lane one by one, in their turns, until none waits; nothing where the lane is full."""
        if self._taken[lane] < places(lane):
            await self._work_on(lane)

    async def _work_on(self, lane: Lane, claim: Claim | None = None) -> None:
        self._taken[lane] += 1
        try:
            claim = claim or await self._next(lane)
            while claim:
                await self._do(claim)
                claim = await self._next(lane)
        finally:
            self._taken[lane] -= 1

    async def _next(self, lane: Lane) -> Claim | None:
        if self.leaving.is_set():
            return None
        # Later than that the lease that it would bring has ended.
        return await within(settings.job_lease_s, self._claim(lane))

    async def _claim(self, lane: Lane) -> Claim | None:
        kinds = [kind for kind in WORKS if kind.lane is lane]
        # One account's jobs never take all places: those of others begin at once though each of its own takes an hour.
        most = max(1, places(lane) - 1)
        # One at a time: of two that ask together each would miss what the other is given.
        async with self._asking[lane]:
            crowding = [account for account, held in self._held[lane].items() if held >= most]
            async with self.database.writing() as session:
                claim = await jobs.begin_next(session, lane, kinds, without=crowding if places(lane) > 1 else ())
            if claim:
                self._held[lane][claim.account_key] += 1
        return claim

    async def _do(self, claim: Claim) -> None:
        held = self._held[claim.kind.lane]
        try:
            await carry_out(self.database, WORKS[claim.kind], claim, self.leaving, self._suspects)
        finally:
            held[claim.account_key] -= 1
            if not held[claim.account_key]:
                del held[claim.account_key]

    async def look(self) -> None:
        """Begins what waits without a message, as far as there are places: it needs no Redis."""
        for lane in await within(settings.job_lease_s, self._to_begin()):
            while self._taken[lane] < places(lane) and (claim := await self._next(lane)):
                task = asyncio.create_task(self._work_on(lane, claim))
                self._found.add(task)
                task.add_done_callback(self._ended)
                await asyncio.sleep(0)

    async def _to_begin(self) -> list[Lane]:
        with_room = [lane for lane in Lane if self._taken[lane] < places(lane)]
        async with self.database.reading() as session:
            return await jobs.to_begin(session, with_room, list(WORKS))

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._found.discard(task)
        if not task.cancelled() and (error := task.exception()):
            # The next look goes on; an attempt that could not be ended ends with its lease.
            log.warning("jobs not processed", error=str(error) or type(error).__name__)

    async def left(self) -> None:
        """Returns when what it found itself has been handed back."""
        await asyncio.gather(*self._found, return_exceptions=True)
