"""Training machines, and evaluating them on other tables, in an engine of their own."""

import asyncio
import hashlib
import os
import platform
from collections.abc import Awaitable, Callable
from pathlib import Path

import orjson

from app import parsing
from app.formats.tables import lines
from app.gateways import storage
from app.models.kinds.automl import AutomlJob
from app.services.automl import evaluations, trainings, versions, works
from app.services.automl.trainings import TrainingPlan
from app.services.automl.versions import LearnedMachine
from app.services.system.jobs import Progress
from app.settings import settings
from app.telemetry.metering import in_thread
from jobs.automl.servers import SERVER_NAME
from jobs.broker import job
from jobs.engine import Message, run_engine
from jobs.folders import working_folder
from jobs.run import JobRun

MACHINE, OUTCOME, ROWS, REQUEST = "machine.safetensors", "outcome.json", "rows.ndjson", "request.json"


@job(AutomlJob.TRAIN_MACHINE, failed=trainings.training_failed)
async def train_machine(run: JobRun) -> None:
    """Writes the lines into a folder, lets the engine learn, keeps what it leaves as a version."""
    work_id = run.claim.subject_id
    async with run.writing() as session:
        plan = await trainings.begin_training(session, work_id, server_name=SERVER_NAME)
    if plan.is_stop_requested:  # before anything was learned
        run.is_cancelled = True
    run.go_on()
    with working_folder() as folder:
        async with run.database.reading() as session:
            await trainings.write_lines(session, plan, folder / ROWS)
        (folder / REQUEST).write_bytes(orjson.dumps(plan.request))
        await run_engine(
            run,
            folder,
            _reporter(run, work_id),
            s_max=settings.training_s_max,
            stopping=_stopping(run, work_id),
        )
        learned = await _learned(run, plan, folder)
    async with run.ending_slowly() as session:
        await versions.mark_lines(session, plan, learned.outcome)
        await run.hold(session)
        await versions.finish_training(session, work_id, plan, learned)


def _reporter(run: JobRun, work_id: int) -> Callable[[Message], Awaitable[None]]:
    """Writes what the engine says; what comes too fast for the eye is left out."""
    last, stage = float("-inf"), ""

    async def on_message(message: Message) -> None:
        nonlocal last, stage
        now = asyncio.get_running_loop().time()
        if message["stage"] == stage and now - last < settings.job_progress_s:
            return
        last, stage = now, message["stage"]
        progress = Progress(message["progress"], message["stage"], message["message"], message.get("eta_s"))
        async with run.writing() as session:
            await works.report(session, run.claim, work_id, progress, message.get("best"))

    return on_message


def _stopping(run: JobRun, work_id: int) -> Callable[[], Awaitable[None]]:
    """Waits until somebody wants the training to stop and to keep the best so far."""

    async def stopping() -> None:
        while True:
            async with run.database.reading() as session:
                if await trainings.is_stop_requested(session, work_id):
                    return
            await asyncio.sleep(settings.machine_training_poll_s)

    return stopping


async def _learned(run: JobRun, plan: TrainingPlan, folder: Path) -> LearnedMachine:
    """Stores the file of a machine under a name that no other attempt uses."""
    data = await in_thread((folder / MACHINE).read_bytes)
    key = f"{versions.FOLDER}/{plan.machine_id}/{run.claim.job_id}-{run.claim.fence}.safetensors"
    header = await in_thread(versions.checked_header, data)
    sha256 = await in_thread(lambda: hashlib.sha256(data).hexdigest())
    await storage.put(key, folder / MACHINE)
    outcome = orjson.loads((folder / OUTCOME).read_bytes())
    return LearnedMachine(key, sha256, len(data), header, outcome, _hardware())


def _hardware() -> str:
    """What a training ran on."""
    return f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, {platform.system()}"


@job(AutomlJob.EVALUATE_MACHINE, failed=evaluations.evaluation_failed)
async def evaluate_machine(run: JobRun) -> None:
    """Reads a table by the columns of a machine, and compares what it says with the outputs."""
    work_id = run.claim.subject_id
    async with run.writing() as session:
        plan = await evaluations.begin_evaluation(session, work_id, server_name=SERVER_NAME)
    with working_folder() as folder:
        table, written = folder / "table", folder / "lines"
        await storage.download(plan.upload_key, table)
        await parsing.run(
            lines.write,
            str(table),
            plan.options,
            plan.columns,
            None,
            "EVALUATION",
            plan.machine_id,
            str(written),
            cpu_s_max=settings.machine_table_read_cpu_s_max,
            field="upload",
        )
        await in_thread(evaluations.as_rows, written, folder / ROWS)
        await storage.download(plan.version_key, folder / MACHINE)
        (folder / REQUEST).write_bytes(orjson.dumps(plan.request))
        await run_engine(run, folder, _reporter(run, work_id), s_max=settings.training_s_max)
        outcome = orjson.loads((folder / OUTCOME).read_bytes())
    async with run.ending() as session:
        await evaluations.finish_evaluation(session, work_id, outcome)
