"""What the database says of itself, for `/metrics`: how far behind it is, and what heaps up."""

import asyncio
import math
import time
from collections.abc import Mapping

import structlog
from prometheus_client import Gauge
from sqlalchemy import func, select, text

from app.database import Database
from app.errors import DomainError
from app.events import watermark
from app.models.system import Job, JobState
from app.services.system import pruning
from app.services.system.jobs import unknown

log = structlog.get_logger(__name__)
ASKED_S_MAX = 2.0
REMEMBERED_S = 10.0

event_lag = Gauge("fieldgraph_event_lag_seconds", "Age of the oldest event that is not delivered yet.")
oldest_job = Gauge("fieldgraph_oldest_queued_job_seconds", "Waiting time of the oldest job that could start.")
oldest_transaction = Gauge("fieldgraph_oldest_transaction_seconds", "Age of the oldest transaction of this database.")
unknown_jobs = Gauge("fieldgraph_unknown_jobs", "Unfinished jobs of a kind unknown to this version.")
rows_to_prune = Gauge(
    "fieldgraph_rows_to_prune", "Old rows that housekeeping will delete, counted up to 100 000.", ["kind"]
)

replica_lag = Gauge("fieldgraph_replica_lag_seconds", "Age of what the replica shows, at most.")

_OLDEST = text("""
SELECT extract(epoch FROM clock_timestamp() - min(xact_start)) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
""")


class Gauges:
    """Asks the database now and then; while it does not answer, nobody knows."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asking = asyncio.Lock()
        self._asked = -math.inf

    async def refresh(self) -> None:
        """Asks again, if that was long ago; the figures are no numbers if it fails."""
        replica = self._database.replica
        replica_lag.set(replica.lag_s if replica else math.nan)
        async with self._asking:
            if time.monotonic() - self._asked < REMEMBERED_S:
                return
            try:
                async with asyncio.timeout(ASKED_S_MAX):
                    figures, rows = await self._figures()
            except (TimeoutError, DomainError) as error:
                log.warning("database figures unavailable", reason=str(error) or type(error).__name__)
                figures, rows = {}, {}
            for gauge in (event_lag, oldest_job, oldest_transaction, unknown_jobs):
                gauge.set(figures.get(gauge, math.nan))
            for kind in pruning.KINDS:
                rows_to_prune.labels(kind).set(rows.get(kind, math.nan))
            self._asked = time.monotonic()

    async def _figures(self) -> tuple[Mapping[Gauge, float], Mapping[str, float]]:
        async with self._database.reading() as session:  # alone: the list of sessions is that of the first statement
            lag_s = await watermark.lag_s(session)
        async with self._database.reading() as session:
            waits = func.extract("epoch", func.now() - func.min(Job.available_at))
            waiting = select(waits).where(Job.state == JobState.QUEUED, Job.available_at <= func.now())
            figures = {
                event_lag: lag_s,
                oldest_job: float(await session.scalar(waiting) or 0),
                oldest_transaction: float(await session.scalar(_OLDEST) or 0),
                unknown_jobs: await unknown(session),
            }
            return figures, {kind: await pruning.waiting(session, kind) for kind in pruning.KINDS}
