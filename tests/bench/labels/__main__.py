"""A hundred thousand labels in one dataset: how much memory their import and export take, and how fast a box is found.

`.venv/bin/python -m tests.bench.labels` starts servers of its own; each figure is told beside that of a tenth as many.
"""

import asyncio
import os
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

HOME = Path(tempfile.mkdtemp(prefix="fieldgraph-bench-"))
HOME.chmod(0o711)

from app.models.kinds.mapping import MappingJob  # noqa: E402
from app.operations.processes import servers  # noqa: E402

os.environ |= {
    "FIELDGRAPH_HOME": str(HOME),
    "FIELDGRAPH_SECRET": "known to every bench",
    "DATABASE_URL": servers.database_url(HOME, servers.NAME),
    "REDIS_URL": servers.redis_url(HOME),
}

from shapely import box  # noqa: E402
from sqlalchemy import select, text  # noqa: E402

from app.database import Database  # noqa: E402
from app.formats import Feature, Writer, write_file  # noqa: E402
from app.formats.features.geojson import GeoJson  # noqa: E402
from app.formats.features.osm_xml import OsmXml  # noqa: E402
from app.gateways import storage  # noqa: E402
from app.models.mapping.datasets import AOI  # noqa: E402
from app.models.mapping.imports import LabelFormat  # noqa: E402
from app.models.system import Job, JobState  # noqa: E402
from app.operations.database.migrate import upgrade  # noqa: E402
from app.services.mapping.labels.exports import _labels  # noqa: E402
from app.services.mapping.predictions.downloads import FileFormat  # noqa: E402
from jobs import mapping  # noqa: E402, F401 -- registers its jobs
from jobs.broker import WORKS  # noqa: E402
from jobs.run import attempt  # noqa: E402
from tests import factories  # noqa: E402

COUNTS = (10_000, 100_000)
WRITERS: dict[LabelFormat, type[Writer]] = {LabelFormat.GEOJSON: GeoJson, LabelFormat.OSM_XML: OsmXml}
MIB = 1024 * 1024
SIDE = 0.0001


def houses(count: int) -> Iterator[list[Feature]]:
    """Rows of houses, each with a neighbour it shares a wall with; a thousand at a time."""
    across = 400
    for start in range(0, count, 1_000):
        yield [
            Feature(
                box(12 + x * SIDE, 46 + y * 2 * SIDE, 12 + (x + 1) * SIDE, 46 + (y * 2 + 1) * SIDE),
                {"building": "yes", "addr:housenumber": str(x)},
            )
            for x, y in ((number % across, number // across) for number in range(start, start + 1_000))
        ]


def said(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def rss() -> float:
    """MiB of memory in use."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MIB


@contextmanager
def watched(what: str) -> Iterator[None]:
    """Tells how long a block takes, and how far above its beginning memory rises in it."""
    before, peak, over = rss(), 0.0, threading.Event()

    def look() -> None:
        nonlocal peak
        while not over.wait(0.01):
            peak = max(peak, rss())

    watch = threading.Thread(target=look)
    watch.start()
    started = time.perf_counter()
    yield
    seconds = time.perf_counter() - started
    over.set()
    watch.join()
    said(f"{what:<36} {seconds:7.2f} s   memory {before:6.0f} MiB + {max(0.0, peak - before):.0f} MiB")


async def imported(database: Database, aoi: AOI, format: LabelFormat, count: int) -> None:
    """A file written, put where uploads are, and imported by the job."""
    path = HOME / "labels"
    write_file(path, WRITERS[format](), houses(count))
    size = path.stat().st_size / MIB
    await storage.put("bench/labels", path)
    made = await factories.label_import(database, aoi, format=format, replace=True, storage_key="bench/labels")
    job = await factories.job(database, kind=MappingJob.IMPORT_LABELS, subject_id=made.id)
    with watched(f"import {count} from {format.value}, {size:.0f} MiB"):
        await attempt(database, WORKS[job.kind], job.id, asyncio.Event())
    async with database.writing() as session:
        state = await session.scalar(select(Job.state).where(Job.id == job.id))
        await session.execute(text("DELETE FROM label_imports"))
    assert state is JobState.DONE, state


async def drained(pieces: AsyncIterator[bytes]) -> int:
    return sum([len(piece) async for piece in pieces])


async def found(database: Database, aoi: AOI) -> None:
    """What PostgreSQL says of boxes in the middle of many labels."""
    query = """EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) SELECT l.id, ST_AsEWKB(l.geom) FROM labels l
        WHERE l.geom && ST_MakeEnvelope({}, 4326) AND EXISTS
            (SELECT 1 FROM aois a WHERE a.id = l.aoi_id AND a.dataset_id = {})
        ORDER BY l.id DESC LIMIT 1001"""
    async with database.reading() as session:
        for side in (0.0005, 0.002, 0.01):
            around = f"12.02, 46.02, {12.02 + side}, {46.02 + side}"
            lines = list(await session.scalars(text(query.format(around, aoi.dataset_id))))
            told = [line.strip() for line in lines if "Index" in line or "Execution" in line or "Seq" in line]
            said("\n    ".join([f"box of {side}°:", *told]))


async def main() -> None:
    database = Database(os.environ["DATABASE_URL"], os.environ["REDIS_URL"])
    try:
        await measured(database)
    finally:
        await database.close()


async def measured(database: Database) -> None:
    owner = await factories.user(database, "owner")
    dataset = await factories.dataset(database, owner.user.id)
    aoi = await factories.aoi(database, dataset, geom=box(11.9, 45.9, 12.2, 46.2))
    for format in LabelFormat:
        await imported(database, aoi, format, 1_000)  # what is loaded once is no concern of the first
        for count in COUNTS:
            await imported(database, aoi, format, count)
            for form in FileFormat:
                with watched(f"export {count} to {form.value}"):
                    await drained(_labels(database.reading, dataset, form))
    async with database.engine.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("VACUUM ANALYZE labels"))
    await found(database, aoi)


with servers.private_servers(HOME) as private:
    private.start()
    upgrade(private.database_url)
    asyncio.run(main())
