"""One export or import of a large project, as a worker does it: `python -m tests.bench.wildlife.exchange EXPORT 190`.

It runs in a process of its own, so that its memory can be told from that of others.
"""

import asyncio
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

from sqlalchemy import select

from app.database import Database
from app.gateways import storage
from app.models.kinds.wildlife import WildlifeJob
from app.models.system import Job
from app.models.wildlife.exchange import WildlifeExport, WildlifeExportFormat, WildlifeImport, WildlifeImportFormat
from app.policies import Viewer
from app.queue import enqueue
from app.services.wildlife.exchange.exports import lifecycle
from app.services.wildlife.exchange.exports.lifecycle import ExportOptions
from app.settings import settings
from jobs import wildlife  # noqa: F401 -- registers its jobs
from jobs.broker import WORKS
from jobs.run import attempt

PROJECT = 1
DEPLOYMENTS = 190
FILE = "megadetector.json"


async def _export(database: Database, deployments: int) -> int:
    """A Camtrap DP package of all observations of so many deployments; the job's key."""
    options = ExportOptions(approved_only=False, deployment_ids=list(range(1, deployments + 1)))
    async with database.writing() as session:
        row = await lifecycle.start_export(session, Viewer(1), PROJECT, WildlifeExportFormat.CAMTRAP_DP, options)
    assert row.job_id is not None
    return row.job_id


async def _import(database: Database, pictures: int) -> int:
    """Results of MegaDetector for so many pictures; the job's key."""
    path = settings.home / FILE
    with path.open("w") as file:
        file.write('{"info": {"format_version": "1.6"}, "detection_categories": {"1": "animal"}, "images": [')
        for number in range(1, pictures + 1):
            found = [{"category": "1", "conf": 0.9, "bbox": [0.1, 0.2, 0.3, 0.4]}]
            medium = {"file": f"card/{number % DEPLOYMENTS}/IMG_{number}.JPG", "detections": found}
            file.write(f"{',' * (number > 1)}{json.dumps(medium)}")
        file.write("]}")
    key = f"bench/{pictures}.json"
    await storage.put(key, path)
    async with database.writing() as session:
        row = WildlifeImport(
            user_id=1,
            research_project_id=PROJECT,
            classification_project_id=PROJECT,
            provider_id=101,
            format=WildlifeImportFormat.MEGADETECTOR,
            dry_run=False,
            keep_good=False,
            files={FILE: key},
            options={},
        )
        session.add(row)
        await session.flush()
        job = await enqueue(session, WildlifeJob.IMPORT_WILDLIFE, subject_id=row.id, user_id=1)
        row.job_id = job.id
        return job.id


BEGIN = {"EXPORT": (_export, WildlifeExport), "IMPORT": (_import, WildlifeImport)}


async def main(what: str, size: int) -> None:
    """Carries it out, and prints what it took."""
    settings.database_url, settings.redis_url, home = sys.argv[3:6]
    settings.home = Path(home)
    database = Database(settings.database_url, settings.redis_url, statement_s_max=settings.job_statement_s_max)
    begin, kind = BEGIN[what]
    key = await begin(database, size)
    rest_mb = _peak_mb(resource.RUSAGE_SELF)
    begun = time.perf_counter()
    async with database.reading() as session:
        job = await session.get_one(Job, key)
    await attempt(database, WORKS[job.kind], key, asyncio.Event())
    took: dict[str, Any] = {"s": time.perf_counter() - begun}
    async with database.reading() as session:
        row = (await session.scalars(select(kind).where(kind.job_id == key))).one()
    assert row.failure is None, row.failure
    took |= {"rows": row.counts["observations"], "above_mb": _peak_mb(resource.RUSAGE_SELF) - rest_mb}
    took["child_mb"] = _peak_mb(resource.RUSAGE_CHILDREN)
    sys.stdout.write(json.dumps(took))
    await database.close()


def _peak_mb(whose: int) -> float:
    return resource.getrusage(whose).ru_maxrss / 1_024


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
