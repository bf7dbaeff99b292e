"""The steps of a job on an AI Manager, each a short transaction; whoever takes them asks the manager in between.

A batch is marked as UNKNOWN before it is submitted. If the answer is lost, or the worker is, the manager is asked by
the batch's key, and only what it does not know is submitted again, under the same key.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Interval, func, literal, select

from app.database import ReadSession, WriteSession
from app.gateways.ai_manager import RemoteStatus as ManagerStatus
from app.gateways.outside import Outage
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.wildlife.ai_jobs import (
    AIClassificationJob,
    AIJobBatch,
    AIJobStage,
    RemoteStatus,
    UserRemoteTask,
)
from app.models.wildlife.deployments import Deployment, Location
from app.models.wildlife.media import Resource
from app.models.wildlife.providers import AIProvider
from app.security.credentials import new_token, token_hash
from app.services.wildlife.ai_jobs import automatic, outcomes, progress
from app.services.wildlife.ai_jobs.config import JobConfig
from app.services.wildlife.ai_jobs.managers import media_links, polling
from app.services.wildlife.providers import connections
from app.services.wildlife.providers.connections import Credentials
from app.settings import settings

OPEN = (RemoteStatus.PENDING, RemoteStatus.UNKNOWN, RemoteStatus.QUEUED, RemoteStatus.RUNNING)
SUBMITTED = (RemoteStatus.UNKNOWN, RemoteStatus.QUEUED, RemoteStatus.RUNNING)
IN_FLIGHT_MAX = 4
CANCEL_TRIES_MAX = 5
GONE = "The connection of this provider was deleted or deactivated."


@dataclass(frozen=True)
class BatchState:
    """A batch as a worker knows it."""

    id: int
    key: UUID
    status: RemoteStatus
    fence: int
    submissions: int
    parts_done: frozenset[str]
    is_too_old: bool


@dataclass(frozen=True)
class Step:
    """What a worker needs to look after a job once."""

    ai_job_id: int
    project_id: int
    provider_id: int
    config: JobConfig
    credentials: Credentials
    batches: list[BatchState]
    is_cancelling: bool
    began: datetime


async def begin(session: WriteSession, ai_job_id: int) -> Step | None:
    """Reads what is to be done; nothing if the job has ended, or ends now because its connection is gone."""
    job = await session.get(AIClassificationJob, ai_job_id, with_for_update=True)
    if job is None:
        return None
    batches = await _open_batches(session, job)
    is_cancelling = job.stage is AIJobStage.CANCELLED
    if (job.stage.is_final and not is_cancelling) or (is_cancelling and not batches):
        return None
    task = await progress.task_of(session, job)
    credentials = await connections.credentials(session, task.connection_id if task else None)
    if task is None or credentials is None:
        await fail(session, job.id, GONE)
        return None
    await connections.renew(session, task.connection_id or 0)
    began = (await session.scalars(select(func.now()))).one()
    chosen = JobConfig.of(job.job_config)
    return Step(job.id, job.project_id, job.ai_provider_id, chosen, credentials, batches, is_cancelling, began)


async def _open_batches(session: WriteSession, job: AIClassificationJob) -> list[BatchState]:
    """The batches that are not over: those sent to the manager, and of the others a few."""
    old = func.now() - literal(timedelta(seconds=settings.ai_age_s_max), Interval)
    since = func.coalesce(AIJobBatch.submitted_at, job.created_at)
    rows = select(AIJobBatch, since < old).where(AIJobBatch.ai_job_id == job.id, AIJobBatch.status.in_(OPEN))
    batches = [
        BatchState(
            batch.id,
            batch.key,
            batch.status,
            batch.fence,
            batch.submissions,
            frozenset(batch.parts_done),
            is_too_old,
        )
        for batch, is_too_old in (await session.execute(rows.order_by(AIJobBatch.id))).all()
    ]
    submitted = [batch for batch in batches if batch.status in SUBMITTED]
    pending = [batch for batch in batches if batch.status not in SUBMITTED]
    return submitted + pending[: max(0, IN_FLIGHT_MAX - len(submitted))]


async def prepare(session: WriteSession, batch_id: int, *, is_forgotten: bool) -> dict[str, Any] | None:
    """Marks a batch as about to be submitted, and gives the request; nothing if it may not be submitted any more."""
    batch, job = await _locked(session, batch_id)
    if job.stage.is_final or batch.status not in OPEN:
        return None
    if batch.submissions >= settings.ai_submissions_max:
        await _end_batch(session, job, batch, RemoteStatus.FAILED, "The AI Manager forgot it several times.")
        return None
    if is_forgotten:
        job.fence += 1  # what the manager says of the batch it has forgotten is not about this one
        batch.parts_done = []
    batch.status, batch.submissions, batch.fence = RemoteStatus.UNKNOWN, batch.submissions + 1, job.fence
    batch.submitted_at = batch.submitted_at or (await session.scalars(select(func.now()))).one()
    task = await progress.task_of(session, job)
    assert task, "a job with batches has a task"
    token = new_token()
    task.token_hash = token_hash(token)
    return await _request(session, job, batch, task, token)


async def _request(
    session: ReadSession, job: AIClassificationJob, batch: AIJobBatch, task: UserRemoteTask, token: str
) -> dict[str, Any]:
    provider = await session.get_one(AIProvider, job.ai_provider_id)
    credentials = await connections.credentials(session, task.connection_id)
    base = credentials.instance_url if credentials else ""
    rows = await session.execute(
        select(Resource, Location.timezone)
        .outerjoin(Deployment, Deployment.id == Resource.deployment_id)
        .outerjoin(Location, Location.id == Deployment.location_id)
        .where(Resource.id.in_(batch.resource_ids))
        .order_by(Resource.id)
    )
    return {
        "key": str(batch.key),
        "job_id": str(job.uuid),
        "schema_version": [1, 0],
        "fence": batch.fence,
        "model_id": str(provider.remote_id),
        "callback_url": f"{base}/ai/callback/{job.uuid}?token={token}",
        "config": job.job_config,
        "resources": [_medium(resource, zone, job, base) for resource, zone in rows.all()],
    }


def _medium(resource: Resource, zone: str | None, job: AIClassificationJob, base: str) -> dict[str, Any]:
    return {
        "id": str(resource.id),
        "url": f"{base}{media_links.path_of(job.user_id, resource)}",
        "mime": resource.mime_type,
        "date_recorded": resource.recorded_at and resource.recorded_at.isoformat(),
        "timezone": zone,
        "width": resource.width,
        "height": resource.height,
        "fps": resource.fps,
    }


async def note_status(session: WriteSession, batch_id: int, status: ManagerStatus) -> bool:
    """Writes what the manager says of a batch; returns whether that was news."""
    batch, job = await _locked(session, batch_id)
    if batch.status not in OPEN:
        return False
    is_news = batch.processed != status.processed or batch.status.value.lower() != status.status
    batch.processed = min(status.processed, len(batch.resource_ids))
    # Over only when its results are written: see `close`.
    batch.status = RemoteStatus.QUEUED if status.status == "queued" else RemoteStatus.RUNNING
    await progress.reach(session, job, _stage_of(job, status))
    task = await progress.task_of(session, job)
    if task is not None:
        task.status, task.failures, task.last_error = batch.status, 0, None
        task.remote_id = task.remote_id or status.remote_id
        task.last_polled = await session.scalar(select(func.now()))
        processed = select(func.sum(AIJobBatch.processed)).where(AIJobBatch.ai_job_id == job.id)
        await session.flush()
        task.progress = min(1.0, (await session.scalar(processed) or 0) / max(1, job.total_count))
    return is_news


def _stage_of(job: AIClassificationJob, status: ManagerStatus) -> AIJobStage:
    if job.stage in {AIJobStage.FETCH_RESULTS, AIJobStage.PARSING}:
        return job.stage
    return AIJobStage.SUBMITTED if status.status == "queued" else AIJobStage.RUNNING


async def reach(session: WriteSession, ai_job_id: int, stage: AIJobStage) -> None:
    """Marks a stage of a job as reached."""
    job = await session.get_one(AIClassificationJob, ai_job_id, with_for_update=True)
    await progress.reach(session, job, stage)


async def close(session: WriteSession, batch_id: int, status: RemoteStatus, reason: str | None = None) -> None:
    """Ends a batch; media without a result have failed."""
    batch, job = await _locked(session, batch_id)
    if batch.status in OPEN:
        await _end_batch(session, job, batch, status, reason)


async def _end_batch(
    session: WriteSession, job: AIClassificationJob, batch: AIJobBatch, status: RemoteStatus, reason: str | None
) -> None:
    batch.status, batch.error = status, reason
    if status is RemoteStatus.DONE:
        batch.processed = len(batch.resource_ids)
    if status is not RemoteStatus.CANCELLED:
        why = reason or "The AI Manager sent no result for this medium."
        await outcomes.fail_missing(session, job, batch.resource_ids, why)
    await session.flush()
    open_ones = select(func.count()).where(AIJobBatch.ai_job_id == job.id, AIJobBatch.status.in_(OPEN))
    if not await session.scalar(open_ones):
        await _end(session, job, reason)


async def _end(session: WriteSession, job: AIClassificationJob, reason: str | None) -> None:
    if job.ok_count + job.skipped_count == 0 and job.total_count:
        await progress.end(session, job, AIJobStage.FAILED, reason or "No medium could be classified.")
    else:
        await progress.end(session, job, AIJobStage.DONE)
        await automatic.offer_media_of_link(session, job.collection_id)


async def fail(session: WriteSession, ai_job_id: int, reason: str) -> None:
    """Ends a job and all its batches."""
    job = await session.get(AIClassificationJob, ai_job_id, with_for_update=True)
    if job is None:
        return
    for batch in await _batches(session, job):
        if batch.status in OPEN:
            batch.status, batch.error = RemoteStatus.FAILED, reason
            await outcomes.fail_missing(session, job, batch.resource_ids, reason)
    task = await progress.task_of(session, job)
    if task is not None:
        task.status, task.last_error, task.next_poll_at = RemoteStatus.FAILED, reason[:NOTE_LENGTH_MAX], None
    await progress.end(session, job, AIJobStage.FAILED, reason)


async def _batches(session: WriteSession, job: AIClassificationJob) -> Sequence[AIJobBatch]:
    rows = select(AIJobBatch).where(AIJobBatch.ai_job_id == job.id).order_by(AIJobBatch.id)
    return (await session.scalars(rows.with_for_update())).all()


async def pause(
    session: WriteSession, ai_job_id: int, *, began: datetime | None, is_news: bool, outage: Outage | None
) -> None:
    """Says when the job is looked at again, if it has not ended."""
    job = await session.get(AIClassificationJob, ai_job_id, with_for_update=True)
    task = None if job is None else await progress.task_of(session, job)
    if job is None or task is None:
        return
    if outage is not None:
        task.failures, task.last_error = task.failures + 1, outage.message[:NOTE_LENGTH_MAX]
    if job.stage.is_final and not await _is_cancelling(session, job, task):
        task.poll_job_id = task.wanted_at = task.next_poll_at = None
        return
    least_s = min(outage.retry_after_s or 0.0, settings.ai_age_s_max) if outage else 0.0
    await polling.put_off(session, task, began=began, is_news=is_news, least_s=least_s)


async def _is_cancelling(session: WriteSession, job: AIClassificationJob, task: UserRemoteTask) -> bool:
    """Whether a cancellation is still to be sent to the manager; it is tried a few times."""
    submitted = AIJobBatch.ai_job_id == job.id, AIJobBatch.status.in_(SUBMITTED)
    if job.stage is not AIJobStage.CANCELLED or task.failures > CANCEL_TRIES_MAX:
        return False
    return bool(await session.scalar(select(func.count()).where(*submitted)))


async def _locked(session: WriteSession, batch_id: int) -> tuple[AIJobBatch, AIClassificationJob]:
    """A batch and its job, locked, the job first."""
    ai_job_id = select(AIJobBatch.ai_job_id).where(AIJobBatch.id == batch_id).scalar_subquery()
    job = (
        await session.scalars(select(AIClassificationJob).where(AIClassificationJob.id == ai_job_id).with_for_update())
    ).one()
    return await session.get_one(AIJobBatch, batch_id, with_for_update=True, populate_existing=True), job
