"""Starting, cancelling, updating and repeating AI classification jobs on behalf of people."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, func, select, update

from app.database import ReadSession, WriteSession
from app.errors import Conflict, Invalid, LimitReached, NotFound, Unavailable
from app.models.billing.ledger import OperationCause
from app.models.wildlife.ai_jobs import (
    AIClassificationJob,
    AIJobBatch,
    AIJobOutcome,
    AIJobStage,
    RemoteStatus,
    UserRemoteTask,
)
from app.models.wildlife.classification_projects import ClassificationProjectCollection
from app.models.wildlife.classifications import Classification, ClassificationType
from app.models.wildlife.media import Resource, ResourceStatus, ResourceType
from app.models.wildlife.providers import AIProvider, ExternalAIProvider, LocalAIProvider, TrapperAIProvider
from app.policies import Viewer, require, signed_in, visible
from app.policies.wildlife.providers import may_run_this_provider
from app.services.billing import charges
from app.services.billing.charges import Estimate
from app.services.billing.reservations import Purpose
from app.services.system import audit, jobs
from app.services.wildlife.ai_jobs import payments, progress
from app.services.wildlife.ai_jobs.config import JobConfig
from app.services.wildlife.ai_jobs.local import start_locally
from app.services.wildlife.ai_jobs.managers import polling
from app.services.wildlife.classifications.access import project_to_approve_in, project_to_change
from app.settings import settings

STILL_WITH_MANAGER = (RemoteStatus.UNKNOWN, RemoteStatus.QUEUED, RemoteStatus.RUNNING)


async def start(
    session: WriteSession,
    viewer: Viewer,
    *,
    collection_id: int,
    provider_id: int,
    config: JobConfig,
    which: Sequence[ColumnElement[bool]] = (),
) -> AIClassificationJob:
    """Queues a run of a provider over the media of a collection, or over some. What can be refused is refused now."""
    config.checked()
    collection = await _collection(session, viewer, collection_id)
    project = await project_to_approve_in(session, viewer, collection.project_id)
    if not collection.is_active:
        raise Conflict("This collection is not active in the project. Activate it first.")
    provider = await _provider(session, viewer, provider_id)
    resource_ids = _some(await media_of(session, project.id, collection.id, provider, *which))
    job = AIClassificationJob(
        user_id=signed_in(viewer),
        ai_provider_id=provider.id,
        project_id=project.id,
        collection_id=collection.id,
        job_config={**config.snapshot(), "provider": {"name": provider.name, "version": provider.version}},
        total_count=len(resource_ids),
        stage_history={AIJobStage.CREATED.value: str(await session.scalar(select(func.now())))},
    )
    session.add(job)
    await session.flush()
    audit.record(session, signed_in(viewer), "startAiClassification", about=job)
    if isinstance(provider, LocalAIProvider):
        await start_locally(session, job, resource_ids)
    else:
        await _give_to_manager(session, viewer, job, provider, resource_ids)
    progress.tell(session, job)
    await session.refresh(job)
    return job


async def estimate(session: ReadSession, viewer: Viewer, *, collection_id: int, provider_id: int) -> Estimate:
    """What a run of a provider over the media of a collection would cost the viewer."""
    collection = await _collection(session, viewer, collection_id)
    project = await project_to_approve_in(session, viewer, collection.project_id)
    provider = await _provider(session, viewer, provider_id)
    lines = len(_some(await media_of(session, project.id, collection.id, provider)))
    return await charges.estimate(session, signed_in(viewer), Purpose(OperationCause.AI_JOB, count_of_lines=lines))


async def _give_to_manager(
    session: WriteSession, viewer: Viewer, job: AIClassificationJob, provider: AIProvider, resource_ids: Sequence[int]
) -> None:
    task = UserRemoteTask(user_id=signed_in(viewer), connection_id=provider.connection_id)
    session.add(task)
    await session.flush()
    job.user_remote_task_id = task.id
    size = settings.ai_batch_resources_max
    session.add_all(
        AIJobBatch(ai_job_id=job.id, resource_ids=list(resource_ids[start : start + size]))
        for start in range(0, len(resource_ids), size)
    )
    await session.flush()
    await payments.hold(session, job)
    await polling.wake(session, task)


async def _collection(session: ReadSession, viewer: Viewer, collection_id: int) -> ClassificationProjectCollection:
    signed_in(viewer)
    sought = visible(ClassificationProjectCollection, viewer).where(ClassificationProjectCollection.id == collection_id)
    collection = await session.scalar(sought)
    if collection is None:
        raise NotFound("There is no such collection in a classification project.")
    return collection


async def _provider(session: ReadSession, viewer: Viewer, provider_id: int) -> AIProvider:
    provider = await session.scalar(visible(AIProvider, viewer).where(AIProvider.id == provider_id))
    if provider is None:
        raise NotFound("There is no such AI provider.")
    if isinstance(provider, ExternalAIProvider):
        raise Invalid("providerId", "An external provider runs elsewhere. Import its results instead.")
    if not provider.is_active:
        raise Conflict("This provider is not active. Sync its connection, or choose another.")
    if isinstance(provider, TrapperAIProvider):
        await session.refresh(provider, ["connection"])
        if provider.connection is None or not provider.connection.is_active:
            raise Unavailable("The connection of this provider is not active.")
    require(may_run_this_provider, viewer, provider)
    return provider


async def media_of(
    session: ReadSession, project_id: int, collection_id: int, provider: AIProvider, *which: ColumnElement[bool]
) -> list[int]:
    """The readable images of a collection in the project, and its videos if the provider takes them."""
    kinds = [ResourceType.IMAGE, *([ResourceType.VIDEO] if provider.video_support else [])]
    final = Classification.classification_type == ClassificationType.FINAL
    query = (
        select(Classification.resource_id)
        .join(Resource, Resource.id == Classification.resource_id)
        .where(Classification.project_id == project_id, Classification.project_collection_id == collection_id, final)
        .where(Resource.status == ResourceStatus.READ, Resource.resource_type.in_(kinds), *which)
        .order_by(Classification.resource_id)
        .limit(settings.ai_resources_max + 1)
    )
    return list(await session.scalars(query))


def _some(ids: list[int]) -> list[int]:
    """Media that a job may have: at least one, and not too many."""
    if not ids:
        raise Conflict("There is nothing to classify: the collection has no media that this provider takes.")
    if len(ids) > settings.ai_resources_max:
        raise LimitReached(
            f"A job takes at most {settings.ai_resources_max:,} media. Split the collection.",
            limit=settings.ai_resources_max,
        )
    return ids


async def cancel(session: WriteSession, viewer: Viewer, ai_job_id: int) -> AIClassificationJob:
    """Ends a job at once. The manager is notified when it can be reached; whatever it still sends changes nothing."""
    job = await _job(session, viewer, ai_job_id)
    if job.stage.is_final:
        raise Conflict("This job has already ended.")
    job.fence += 1
    audit.record(session, signed_in(viewer), "cancelAiClassification", about=job)
    await progress.end(session, job, AIJobStage.CANCELLED, "Cancelled.")
    pending = AIJobBatch.ai_job_id == job.id, AIJobBatch.status == RemoteStatus.PENDING
    await session.execute(update(AIJobBatch).where(*pending).values(status=RemoteStatus.CANCELLED))
    if job.job_id is not None:  # our own worker has it
        await jobs.cancel(session, job.job_id)
    task = await progress.task_of(session, job)
    if task is not None:
        task.status = RemoteStatus.CANCELLED
        await polling.wake(session, task)
    await session.refresh(job)
    return job


async def ask_again(session: WriteSession, viewer: Viewer, ai_job_id: int) -> AIClassificationJob:
    """Has the manager asked now, without waiting for the next time."""
    job = await _job(session, viewer, ai_job_id)
    task = await progress.task_of(session, job)
    if job.stage.is_final or task is None:
        raise Conflict("This job is not waiting for an AI Manager.")
    await polling.wake(session, task)
    return job


async def reparse(session: WriteSession, viewer: Viewer, ai_job_id: int) -> AIClassificationJob:
    """Fetches and writes all results again. Approved classifications stay as they are."""
    job = await _job(session, viewer, ai_job_id)
    task = await progress.task_of(session, job)
    if task is None:
        raise Conflict("This job did not run on an AI Manager. Start a new one.")
    if job.stage not in {AIJobStage.DONE, AIJobStage.FAILED}:
        raise Conflict("This job has not ended yet. Wait for it or cancel it.")
    submitted = AIJobBatch.ai_job_id == job.id, AIJobBatch.submissions > 0
    again = (
        update(AIJobBatch)
        .where(*submitted)
        .values(status=RemoteStatus.RUNNING, parts_done=[], error=None, submitted_at=func.now())
    )
    if not (await session.scalars(again.returning(AIJobBatch.id))).all():
        raise Conflict("Nothing of this job was sent to the AI Manager. Start a new one.")
    await session.execute(delete(AIJobOutcome).where(AIJobOutcome.ai_job_id == job.id))
    job.ok_count = job.skipped_count = job.failed_count = job.foreign_count = 0
    job.failure = job.finished_at = task.finished_at = task.last_error = None
    task.failures, task.status = 0, RemoteStatus.RUNNING
    job.stage = AIJobStage.FETCH_RESULTS
    job.fence += 1
    await payments.hold_again(session, job)
    audit.record(session, signed_in(viewer), "reparseAiResults", about=job)
    await polling.wake(session, task)
    progress.tell(session, job)
    await session.refresh(job)
    return job


async def _job(session: WriteSession, viewer: Viewer, ai_job_id: int) -> AIClassificationJob:
    """A job of a project of which the viewer is an admin, locked."""
    sought = visible(AIClassificationJob, viewer).where(AIClassificationJob.id == ai_job_id)
    job = await session.scalar(sought.with_for_update())
    if job is None:
        raise NotFound("There is no such AI classification job.")
    await project_to_change(session, viewer, job.project_id)
    return job
