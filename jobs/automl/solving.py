"""Solving files and lines with machines, with NumPy alone."""

from pathlib import Path
from time import monotonic
from typing import Any

from app import parsing
from app.formats.tables import solving as parser
from app.gateways import storage
from app.models.kinds.automl import AutomlJob
from app.services.automl import works
from app.services.automl.answering import memory, solving
from app.services.automl.answering.solving import SolvingPlan
from app.settings import settings
from app.telemetry.metering import in_thread
from jobs.automl.servers import SERVER_NAME
from jobs.broker import job
from jobs.folders import working_folder
from jobs.housekeeping import housekeeping
from jobs.run import JobRun

housekeeping("solved tables", solving.prune_solved)


@job(AutomlJob.SOLVE_FILE, failed=solving.solving_failed)
async def solve_file(run: JobRun) -> None:
    """Answers a table in a parsing child, which has the machine's file beside it."""
    async with run.writing() as session:
        plan = await solving.begin(session, run.claim.subject_id, server_name=SERVER_NAME)
    with working_folder() as folder:
        report = await _solved(plan, folder)
        run.go_on()
        await storage.put(solving.key_of(plan), folder / "solved", media_type="text/csv")
    async with run.ending() as session:
        await solving.finish_file(session, plan, report)


async def _solved(plan: SolvingPlan, folder: Path) -> dict[str, Any]:
    assert plan.upload_key, "a file was sent"
    table, machine, target = folder / "table", folder / "machine", folder / "solved"
    await storage.download(plan.upload_key, table)
    await storage.download(plan.version.storage_key, machine)
    report: dict[str, Any] = await parsing.run(
        parser.solve,
        str(table),
        plan.options,
        plan.columns,
        str(machine),
        str(target),
        cpu_s_max=settings.machine_table_read_cpu_s_max,
        field="upload",
    )
    return report


@job(AutomlJob.SOLVE_LINES, failed=solving.solving_failed)
async def solve_lines(run: JobRun) -> None:
    """Answers lines, some at a time: what is written stays, and an attempt goes on where the last one ended."""
    async with run.writing() as session:
        plan = await solving.begin(session, run.claim.subject_id, server_name=SERVER_NAME)
    answerer = await memory.answerer(run.database, plan.version)
    began, after, done = monotonic(), 0, 0
    while True:
        async with run.database.reading() as session:
            lines = await solving.waiting(session, plan.machine_id, after)
        if not lines:
            break
        made = await in_thread(solving.answered, answerer, plan.columns, lines)
        after = lines[-1].id
        async with run.writing() as session:
            done += await solving.store(session, plan, made)
            progress = solving.progress_of(plan, done, monotonic() - began)
            await works.report(session, run.claim, plan.work_id, progress, None)
        run.go_on()
    async with run.ending() as session:
        await solving.finish_lines(session, plan, done)
