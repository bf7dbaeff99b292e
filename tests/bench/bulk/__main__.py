"""A bulk query over a million labels: seconds, memory, bytes.

`.venv/bin/python -m tests.bench.bulk 1000000` starts servers of its own.
"""

import asyncio
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

HOME = Path(tempfile.mkdtemp(prefix="fieldgraph-bench-"))
HOME.chmod(0o711)

from app.operations.processes import servers  # noqa: E402

os.environ |= {
    "FIELDGRAPH_HOME": str(HOME),
    "FIELDGRAPH_SECRET": "known to every bench",
    "DATABASE_URL": servers.database_url(HOME, servers.NAME),
    "REDIS_URL": servers.redis_url(HOME),
}

from sqlalchemy import select, text  # noqa: E402

from app import job_queries  # noqa: E402
from app.database import Database  # noqa: E402
from app.models.integrations import BulkQuery  # noqa: E402
from app.models.kinds.integrations import IntegrationsJob  # noqa: E402
from app.models.mapping.datasets import AOI  # noqa: E402
from app.models.system import Job, JobState  # noqa: E402
from app.operations.database.migrate import upgrade  # noqa: E402
from app.policies import Viewer  # noqa: E402
from app.services.integrations import answering, bulk  # noqa: E402
from jobs.broker import WORKS  # noqa: E402
from jobs.integrations.bulk import run_bulk_query  # noqa: E402
from jobs.run import attempt  # noqa: E402
from resolvers import ids  # noqa: E402
from tests import factories  # noqa: E402

MIB = 1024 * 1024
COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
DOCUMENT = """query ($id: ID!) { node(id: $id) { ... on AOI { labels(orderBy: OLDEST) {
    nodes { id geom tags origin createdAt user { username } } } } } }"""
LABELS = """
INSERT INTO labels (aoi_id, user_id, geom, origin, tags)
SELECT :aoi, :user, ST_MakeEnvelope(x, y, x + 0.0001, y + 0.0001, 4326), 'UPLOAD', '{"building": "yes"}'
FROM (
    SELECT 12 + (n % 1000) * 0.0002 AS x, 46 + (n / 1000) * 0.0002 AS y FROM generate_series(1, :count) AS n
) AS places
"""


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def rss() -> float:
    """MiB of memory in use."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MIB


class Peak(threading.Thread):
    """The most memory that was in use."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most, self.over = rss(), threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.02):
            self.most = max(self.most, rss())


async def started(database: Database, count: int) -> BulkQuery:
    owner = await factories.user(database, f"owner{count}")
    aoi: AOI = await factories.aoi(database, await factories.dataset(database, owner.user.id))
    async with database.engine.begin() as connection:
        given = {"aoi": aoi.id, "user": owner.user.id, "count": count}
        await connection.execute(text("SET LOCAL statement_timeout = 0"))
        await connection.execute(text(LABELS), given)
    async with database.engine.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("ANALYZE labels"))
    variables = {"id": ids.encode(aoi)}
    async with answering.opened(database) as answer, database.writing() as session:
        return await bulk.start_bulk_query(
            session, Viewer(owner.user.id), answer, document=DOCUMENT, variables=variables
        )


async def measured(database: Database, count: int) -> None:
    query = await started(database, count)
    before, peak, begun, turns = rss(), Peak(), time.perf_counter(), 0
    cpu = time.process_time()
    peak.start()
    while True:
        await attempt(database, WORKS[IntegrationsJob.BULK_QUERY], query.job_id or 0, asyncio.Event())
        turns += 1
        async with database.reading() as session:
            job = (await session.scalars(select(Job).where(Job.id == query.job_id))).one()
        if job.state is not JobState.QUEUED:
            break
    seconds = time.perf_counter() - begun
    peak.over.set()
    async with database.reading() as session:
        made = await session.get_one(BulkQuery, query.id)
    assert (made.failure, made.row_count) == (None, count), made.failure
    tell(
        f"{count} labels: {seconds:.1f} s ({time.process_time() - cpu:.1f} s of CPU here), {turns} turns, "
        f"memory {before:.0f} MiB + {peak.most - before:.0f} MiB, files {made.size_bytes / MIB:.0f} MiB"
    )


async def main() -> None:
    assert run_bulk_query, "its job is registered"
    answering.provide(lambda: job_queries.opened)
    database = Database(os.environ["DATABASE_URL"], os.environ["REDIS_URL"], statement_s_max=60, transaction_s_max=90)
    try:
        for count in (1_000, COUNT // 10, COUNT):
            await measured(database, count)
    finally:
        await database.close()


with servers.private_servers(HOME) as private:
    private.start()
    upgrade(private.database_url)
    asyncio.run(main())
