"""The worker process: takes jobs until it is asked to leave, and then hands back what it has not finished."""

import asyncio
import signal

import dramatiq
import structlog

from app import queue
from app.database import Database
from app.discovery import import_modules, import_tree
from app.models.kinds import Lane
from app.services.system.error_log import Logbook
from app.settings import settings
from app.telemetry import logs, tracing
from jobs.broker import Runner, places
from jobs.folders import remove_left_folders
from jobs.schedule import keep_time

log = structlog.get_logger()
import_modules("jobs")  # registers the jobs of every domain
import_tree("app.services")


def main() -> None:
    """Works until SIGTERM or SIGINT."""
    logs.configure()
    tracing.start("fieldgraph-worker")
    asyncio.run(work())
    tracing.end()


async def work() -> None:
    """Runs jobs, in each lane as many at once as the settings say."""
    database = Database(
        str(settings.database_url),
        str(settings.redis_url),
        statement_s_max=settings.job_statement_s_max,
        transaction_s_max=settings.job_transaction_s_max,
    )
    runner, logbook = Runner(database), Logbook(database)
    logbook.start()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, runner.leaving.set)
    await asyncio.to_thread(remove_left_folders)
    runner.declare(queue.broker())
    workers = [_listening(lane) for lane in Lane]
    clock = asyncio.create_task(keep_time(runner))
    log.info("working", **{lane.value.lower(): places(lane) for lane in Lane})
    await runner.leaving.wait()
    log.info("leaving")
    clock.cancel()
    stopped = (asyncio.to_thread(worker.stop, timeout=int(settings.shutdown_s * 1000)) for worker in workers)
    await asyncio.gather(asyncio.wait_for(runner.left(), settings.shutdown_s), *stopped, return_exceptions=True)
    # Not for ever: while it connects, Redis's client may take the cancellation for a time-out of its own.
    await asyncio.wait({clock}, timeout=1)
    await logbook.stop()
    await database.close()


def _listening(lane: Lane) -> dramatiq.Worker:
    """Threads that are told of one lane's jobs alone: however busy the others are, these are not."""
    # Looks for messages every 50 ms: a job begins in 24 ms instead of 427.
    worker = dramatiq.Worker(
        queue.broker(), queues={queue.queue_of(lane)}, worker_threads=places(lane), worker_timeout=50
    )
    # Takes no message that another worker could begin sooner.
    worker.queue_prefetch = places(lane)
    worker.start()
    return worker
