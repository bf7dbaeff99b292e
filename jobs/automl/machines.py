"""Reading lines into machines, looking at their values, and removing machines."""

from typing import Any

from app import parsing
from app.database import WriteSession
from app.formats.tables import drifts, lines, rereading
from app.gateways import storage
from app.models.kinds.automl import AutomlJob
from app.policies import Viewer
from app.services.automl import drifting, trainings, versions
from app.services.automl.answering import solving
from app.services.automl.machines import changing, correcting, loading
from app.settings import settings
from app.telemetry.metering import in_thread
from jobs.broker import job
from jobs.folders import working_folder
from jobs.run import JobRun

LINES_DELETED_AT_ONCE = 10_000


@job(AutomlJob.LOAD_MACHINE, failed=loading.loading_failed)
async def load_machine(run: JobRun) -> None:
    """Reads the table that a machine is made of."""
    await _load(run)


@job(AutomlJob.APPEND_LINES, failed=loading.loading_failed)
async def append_lines(run: JobRun) -> None:
    """Reads another table into a machine."""
    await _load(run)


async def _load(run: JobRun) -> None:
    """All lines in one transaction, or none."""
    machine_id = run.claim.subject_id
    async with run.writing() as session:
        plan = await loading.begin_loading(session, machine_id, run.claim.job_id)
    with working_folder() as folder:
        path, target = folder / "table", folder / "lines"
        await storage.download(plan.storage_key, path)
        report: dict[str, Any] = await parsing.run(
            lines.write,
            str(path),
            plan.options,
            plan.columns,
            plan.split,
            plan.purpose,
            machine_id,
            str(target),
            cpu_s_max=settings.machine_table_read_cpu_s_max,
            field="upload",
        )
        run.go_on()
        async with run.ending_slowly() as session:
            await loading.finish_loading(session, machine_id, report, target)
            if plan.trainer_id is not None:
                await trainings.train_first(session, Viewer(plan.trainer_id), machine_id)


@job(AutomlJob.CORRECT_MACHINE, failed=loading.loading_failed)
async def correct_machine(run: JobRun) -> None:
    """Reads the values of all lines anew, by columns that were corrected."""
    machine_id = run.claim.subject_id
    async with run.writing() as session:
        plan = await correcting.begin(session, machine_id, run.claim.job_id)
    with working_folder() as folder:
        path, target = folder / "before", folder / "after"
        async with run.database.reading() as session:
            await correcting.write_lines(session, machine_id, path)
        report: dict[str, Any] = await parsing.run(
            rereading.reread,
            str(path),
            plan.before,
            plan.after,
            plan.split,
            str(target),
            cpu_s_max=settings.machine_table_read_cpu_s_max,
            field="columns",
        )
        run.go_on()
        async with run.ending_slowly() as session:
            await correcting.finish(session, machine_id, plan, report, target)


@job(AutomlJob.COPY_MACHINE, failed=loading.loading_failed)
async def copy_machine(run: JobRun) -> None:
    """Copies the lines of another machine, with a fresh split."""
    async with run.ending_slowly() as session:
        await loading.copy_lines(session, run.claim.subject_id)


@job(AutomlJob.UPDATE_COPY, failed=loading.loading_failed)
async def update_copy(run: JobRun) -> None:
    """Brings the lines of a copy that was bought up to date."""
    async with run.ending_slowly() as session:
        await loading.update_copy(session, run.claim.subject_id)


async def _left_as_it_was(session: WriteSession, subject_id: int, reason: str) -> None:
    """The former figures stay; the job says why."""


@job(AutomlJob.PROFILE_MACHINE, failed=_left_as_it_was)
async def profile_machine(run: JobRun) -> None:
    """Looks at the values of all columns again."""
    machine_id = run.claim.subject_id
    with working_folder() as folder:
        path = folder / "values"
        async with run.database.reading() as session:
            columns = await loading.columns_in_order(session, machine_id)
            await loading.write_values(session, machine_id, path)
            compared = await drifting.of_new_lines(session, machine_id)
        profiles: list[dict[str, Any]] = await parsing.run(
            lines.profile,
            str(path),
            [each.datatype.value for each in columns],
            cpu_s_max=settings.machine_table_read_cpu_s_max,
        )
    drifted = await in_thread(drifts.between, *compared) if compared else []
    async with run.ending() as session:
        await loading.keep_profiles(session, machine_id, profiles)
        await drifting.flag(session, machine_id, drifted)


@job(AutomlJob.REMOVE_MACHINE, failed=_left_as_it_was)
async def remove_machine(run: JobRun) -> None:
    """Deletes the lines of a machine, some at a time, its files, and then itself."""
    machine_id = run.claim.subject_id
    while True:
        async with run.writing() as session:
            if not await loading.delete_some(session, machine_id, LINES_DELETED_AT_ONCE):
                break
        run.go_on()
    await storage.delete(f"{versions.FOLDER}/{machine_id}")
    await storage.delete(f"{solving.FOLDER}/{machine_id}")
    async with run.ending() as session:
        await changing.forget(session, machine_id)
