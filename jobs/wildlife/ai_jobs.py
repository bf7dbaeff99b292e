"""Following AI classification jobs on their managers, and syncing models."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgpack

from app import parsing
from app.errors import Unreadable
from app.formats.media import ai_results
from app.gateways import ai_manager
from app.gateways.ai_manager import Manager
from app.gateways.outside import Outage
from app.models.kinds.wildlife import WildlifeJob
from app.models.wildlife.ai_jobs import AIJobStage, RemoteStatus
from app.services.wildlife.ai_jobs import results
from app.services.wildlife.ai_jobs.managers import following, polling
from app.services.wildlife.ai_jobs.managers.following import BatchState, Step
from app.services.wildlife.ai_jobs.results import Unstored
from app.services.wildlife.frames import storing
from app.services.wildlife.providers import connections, syncing
from app.settings import settings
from jobs.broker import job
from jobs.folders import working_folder
from jobs.run import JobRun
from jobs.schedule import by_the_clock

RESULTS_AT_ONCE = 50
REFUSED_STATUSES = range(400, 500)
HEALING_STATUSES = {408, 425, 429}

by_the_clock("AI jobs", polling.wake_due)


@job(WildlifeJob.SYNC_AI_MODELS, failed=syncing.sync_failed)
async def sync_ai_models(run: JobRun) -> None:
    """Asks a manager for all its models, and writes what it says at once: of half a list nothing is written."""
    async with run.database.reading() as session:
        credentials = await connections.credentials(session, run.claim.subject_id)
    if credentials is None:
        raise Outage("The connection", "was deleted or deactivated", heals=False)
    async with ai_manager.connected(credentials.url, credentials.login, credentials.password) as manager:
        models = await manager.models()
    async with run.ending() as session:
        await syncing.apply(session, run.claim.subject_id, models)
        await connections.renew(session, run.claim.subject_id)


@job(WildlifeJob.FOLLOW_AI_JOB, failed=following.fail)
async def follow_ai_job(run: JobRun) -> None:
    """Looks after a job once: submits, asks, fetches and writes what is ready, and says when to look again."""
    async with run.writing() as session:
        step = await following.begin(session, run.claim.subject_id)
    is_news, outage = False, None
    if step is not None:
        try:
            is_news = await _advance(run, step)
        except Outage as error:
            outage = error
    async with run.ending() as session:
        if outage is not None and not outage.heals:
            await following.fail(session, run.claim.subject_id, outage.message)
        began = step.began if step else None
        await following.pause(session, run.claim.subject_id, began=began, is_news=is_news, outage=outage)


async def _advance(run: JobRun, step: Step) -> bool:
    known = step.credentials
    is_news = False
    async with ai_manager.connected(known.url, known.login, known.password) as manager:
        for batch in step.batches:
            run.go_on()
            if step.is_cancelling:
                await _cancel(run, manager, batch)
            else:
                is_news |= await _look_after(run, manager, step, batch)
    return is_news


async def _cancel(run: JobRun, manager: Manager, batch: BatchState) -> None:
    await manager.cancel(batch.key, batch.fence + 1)
    async with run.writing() as session:
        await following.close(session, batch.id, RemoteStatus.CANCELLED)


async def _look_after(run: JobRun, manager: Manager, step: Step, batch: BatchState) -> bool:
    if batch.is_too_old:
        return await _give_up(run, manager, batch)
    if batch.status is RemoteStatus.PENDING:
        return await _submit(run, manager, batch, is_forgotten=False)
    answer = await manager.status(batch.key)
    if answer is None:
        return await _submit(run, manager, batch, is_forgotten=batch.status is not RemoteStatus.UNKNOWN)
    async with run.writing() as session:
        is_news = await following.note_status(session, batch.id, answer)
    for name in answer.parts:
        if name not in batch.parts_done:
            run.go_on()
            await _take(run, manager, step, batch, name)
            is_news = True
    if answer.status in {"done", "failed", "cancelled"}:
        status = RemoteStatus.DONE if answer.status == "done" else RemoteStatus.FAILED
        reason = None if answer.status == "done" else answer.error or f"The AI Manager says: {answer.status}."
        async with run.writing() as session:
            await following.close(session, batch.id, status, reason)
        return True
    return is_news


async def _give_up(run: JobRun, manager: Manager, batch: BatchState) -> bool:
    hours = settings.ai_age_s_max / 3_600
    try:
        if batch.status is not RemoteStatus.PENDING:
            await manager.cancel(batch.key, batch.fence + 1)
    except Outage:
        pass  # it is over here whether the manager learns of it or not
    async with run.writing() as session:
        reason = f"The AI Manager did not finish within {hours:g} hours."
        await following.close(session, batch.id, RemoteStatus.FAILED, reason)
    return True


async def _submit(run: JobRun, manager: Manager, batch: BatchState, *, is_forgotten: bool) -> bool:
    async with run.writing() as session:
        request = await following.prepare(session, batch.id, is_forgotten=is_forgotten)
    if request is None:
        return True
    try:
        status = await manager.submit(request)
    except Outage as outage:
        if outage.status in REFUSED_STATUSES and outage.status not in HEALING_STATUSES:
            raise Outage("The AI Manager", f"refused the job ({outage.status})", heals=False) from None
        raise
    async with run.writing() as session:
        await following.note_status(session, batch.id, status)
    return True


async def _take(run: JobRun, manager: Manager, step: Step, batch: BatchState, name: str) -> None:
    """Fetches a part of the results and writes it. One that cannot be read fails its batch, and nothing else."""
    async with run.writing() as session:
        await following.reach(session, step.ai_job_id, AIJobStage.FETCH_RESULTS)
    with working_folder() as folder:
        fetched, sifted = folder / "fetched", folder / "sifted"
        try:
            await manager.results(name, fetched)
            report = await parsing.run(
                ai_results.sift, str(fetched), str(sifted), cpu_s_max=settings.parser_file_cpu_s_max
            )
        except (Outage, Unreadable) as error:
            if isinstance(error, Outage) and error.heals:
                raise
            async with run.writing() as session:
                reason = f"The results cannot be read: {error}"
                await following.close(session, batch.id, RemoteStatus.FAILED, reason)
            return
        if report["key"] == str(batch.key) and report["fence"] == batch.fence:
            async with run.writing() as session:
                await following.reach(session, step.ai_job_id, AIJobStage.PARSING)
            for some in _chunks(sifted):
                await _write(run, step, batch, some)
    async with run.writing() as session:
        await results.finish_part(session, batch.id, name)


def _chunks(path: Path) -> Iterator[list[dict[str, Any]]]:
    with path.open("rb") as file:
        unpacker = msgpack.Unpacker(file, max_buffer_size=ai_results.RESULT_BYTES_MAX)
        while some := list(islice(unpacker, RESULTS_AT_ONCE)):
            yield some


async def _write(run: JobRun, step: Step, batch: BatchState, some: list[dict[str, Any]]) -> None:
    run.go_on()
    async with run.writing() as session:
        unstored = await results.write(session, batch.id, some)
    if unstored:
        stored = [await _stored(each) for each in unstored]
        async with run.writing() as session:
            await results.keep_frames(session, step.ai_job_id, stored)


async def _stored(each: Unstored) -> tuple[Unstored, str | None, str | None]:
    try:
        return each, await storing.store_frames(each.header, each.objects), None
    except Unreadable as refused:
        return each, None, f"The frames break a rule: {refused}"
