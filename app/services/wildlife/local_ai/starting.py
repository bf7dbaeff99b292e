"""Queues jobs of local providers."""

from collections.abc import Sequence

from sqlalchemy import select

from app.database import WriteSession
from app.errors import Unavailable
from app.models.billing.ledger import OperationCause
from app.models.kinds.wildlife import WildlifeJob
from app.models.wildlife.ai_jobs import AIClassificationJob, AIJobBatch, AIJobStage
from app.models.wildlife.media import Resource
from app.models.wildlife.providers import LocalAIProvider
from app.queue import enqueue
from app.services.billing import charges
from app.services.billing.ledger import named
from app.services.billing.reservations import Purpose
from app.services.wildlife.ai_jobs import progress
from app.services.wildlife.ai_jobs.local import runs_locally
from app.settings import settings


@runs_locally
async def start(session: WriteSession, job: AIClassificationJob, resource_ids: Sequence[int]) -> None:
    """Queues a job for our own worker, batch by batch; a sequence stays together, for its labels are smoothed."""
    provider = await session.get_one(LocalAIProvider, job.ai_provider_id)
    if reason := provider.reason:
        raise Unavailable(reason)
    order = select(Resource.id, Resource.sequence_id).where(Resource.id.in_(resource_ids))
    rows = (await session.execute(order.order_by(Resource.deployment_id, Resource.sequence_id, Resource.id))).all()
    session.add_all(AIJobBatch(ai_job_id=job.id, resource_ids=batch) for batch in _batches(list(rows)))
    await session.flush()
    queued = await enqueue(session, WildlifeJob.RUN_LOCAL_AI, subject_id=job.id, user_id=job.user_id)
    job.job_id = queued.id
    purpose = Purpose(OperationCause.AI_JOB, named(job), count_of_lines=len(resource_ids))
    await charges.hold_for(session, queued, purpose)
    await progress.reach(session, job, AIJobStage.SUBMITTED)


def _batches(rows: Sequence[tuple[int, int | None]]) -> list[list[int]]:
    batches: list[list[int]] = [[]]
    before: int | None = None
    for resource_id, sequence_id in rows:
        is_full = len(batches[-1]) >= settings.local_batch_media_max
        is_apart = sequence_id is None or sequence_id != before
        # An endless sequence is cut all the same.
        if is_full and (is_apart or len(batches[-1]) >= 2 * settings.local_batch_media_max):
            batches.append([])
        batches[-1].append(resource_id)
        before = sequence_id
    return [batch for batch in batches if batch]
