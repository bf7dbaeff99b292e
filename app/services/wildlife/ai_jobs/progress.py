"""Stages of AI classification jobs: reached once each, published to subscribers, and final ones only once."""

from sqlalchemy import func, select

from app import events
from app.database import WriteSession
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.wildlife.ai_jobs import AIClassificationJob, AIJobStage, UserRemoteTask
from app.services.system import notifications
from app.services.wildlife.ai_jobs import payments


def topic_of(ai_job_id: int) -> str:
    """The topic of events about a job."""
    return f"ai-classification-job:{ai_job_id}"


def tell(session: WriteSession, job: AIClassificationJob) -> None:
    """Publishes how far a job is."""
    events.record(session, topic_of(job.id), {"stage": job.stage.value, "progress": progress_of(job)})


def progress_of(job: AIClassificationJob) -> float:
    """The share of a job's media with an outcome, from 0 to 1."""
    done = job.ok_count + job.skipped_count + job.failed_count
    return round(min(1.0, done / max(1, job.total_count)), 4)


async def reach(session: WriteSession, job: AIClassificationJob, stage: AIJobStage) -> None:
    """Marks a stage as reached; a final one stays."""
    if job.stage is stage or job.stage.is_final:
        return
    now = (await session.scalars(select(func.now()))).one()
    job.stage = stage
    job.stage_history = {**job.stage_history, stage.value: job.stage_history.get(stage.value, now.isoformat())}
    if stage.is_final:
        job.finished_at = now
    tell(session, job)


async def end(session: WriteSession, job: AIClassificationJob, stage: AIJobStage, reason: str | None = None) -> None:
    """Ends a job, and tells who started it."""
    if job.stage.is_final:
        return
    job.failure = reason and reason[:NOTE_LENGTH_MAX]
    await reach(session, job, stage)
    await payments.settle(session, job)
    task = await task_of(session, job)
    if task is not None:
        task.finished_at, task.next_poll_at = job.finished_at, None
        task.progress = 1.0 if stage is AIJobStage.DONE else task.progress
    counts = f"{job.ok_count} classified, {job.skipped_count} skipped, {job.failed_count} failed"
    how = f"has finished: {counts}." if stage is AIJobStage.DONE else f"failed. {reason}"
    if stage is not AIJobStage.CANCELLED and job.user_id is not None:
        message = f"Your AI classification job {job.id} {how}"
        event = f"ended:{job.uuid}:{job.fence}"
        await notifications.notify_if_visible(session, job.user_id, message, about=job, event=event)


async def task_of(session: WriteSession, job: AIClassificationJob) -> UserRemoteTask | None:
    """The job's task, locked."""
    if job.user_remote_task_id is None:
        return None
    return await session.get(UserRemoteTask, job.user_remote_task_id, with_for_update=True)
