"""Reading tables."""

from typing import Any

from app import parsing
from app.database import WriteSession
from app.formats.tables import reading
from app.gateways import storage
from app.models.kinds.automl import AutomlJob
from app.services.automl import readings
from app.services.automl.machines import making
from app.settings import settings
from jobs.broker import job
from jobs.folders import working_folder
from jobs.run import JobRun


async def _failed(session: WriteSession, reading_id: int, reason: str) -> None:
    await readings.failed(session, reading_id, reason)
    await making.give_up(session, reading_id, reason)


@job(AutomlJob.READ_TABLE, failed=_failed)
async def read_table(run: JobRun) -> None:
    """Reads a table in a parsing child; nothing is kept but the reading."""
    async with run.writing() as session:
        plan = await readings.begin(session, run.claim.subject_id)
    with working_folder() as folder:
        path = folder / "table"
        await storage.download(plan.storage_key, path)
        report: dict[str, Any] = await parsing.run(
            reading.read,
            str(path),
            plan.options,
            cpu_s_max=settings.machine_table_read_cpu_s_max,
            field="upload",
        )
    async with run.ending() as session:
        await readings.finish(session, run.claim.subject_id, report)
        await making.go_on(session, run.claim.subject_id)
