"""When a job is looked at again: soon after news, later and later while nothing happens, by one worker at a time."""

import random
from datetime import datetime, timedelta

from sqlalchemy import Interval, func, literal, select

from app.database import Database, WriteSession
from app.models.kinds.wildlife import WildlifeJob
from app.models.system import Job, JobState
from app.models.wildlife.ai_jobs import AIClassificationJob, UserRemoteTask
from app.queue import enqueue
from app.settings import settings

AT_ONCE = 100
UNDER_WAY = (JobState.QUEUED, JobState.RUNNING)


async def wake(session: WriteSession, task: UserRemoteTask) -> None:
    """Has a job looked at now. A worker that is at it looks again when it is done."""
    ai_job_id = await session.scalar(
        select(AIClassificationJob.id).where(AIClassificationJob.user_remote_task_id == task.id)
    )
    if ai_job_id is None:
        return
    state = await session.scalar(select(Job.state).where(Job.id == task.poll_job_id))
    now = (await session.scalars(select(func.now()))).one()
    if state in UNDER_WAY:
        task.wanted_at = now
        return
    job = await enqueue(session, WildlifeJob.FOLLOW_AI_JOB, subject_id=ai_job_id, user_id=task.user_id)
    task.poll_job_id, task.next_poll_at = job.id, None


async def wake_due(database: Database) -> None:
    """Has all jobs looked at whose time has come, or whose worker ended without saying when."""
    async with database.writing() as session:
        due = select(UserRemoteTask).where(
            UserRemoteTask.next_poll_at <= func.now(), UserRemoteTask.next_poll_at.is_not(None)
        )
        tasks = await session.scalars(due.limit(AT_ONCE).with_for_update(skip_locked=True))
        for task in tasks.all():
            await wake(session, task)


async def put_off(
    session: WriteSession, task: UserRemoteTask, *, began: datetime | None, is_news: bool, least_s: float = 0.0
) -> None:
    """Says when a job is looked at next: at once if there were news meanwhile, else after a pause that grows."""
    task.quiet_polls = 0 if is_news else task.quiet_polls + 1
    quiet = min(max(task.quiet_polls, task.failures), 20)
    pause_s = min(settings.ai_poll_s * 2.0**quiet, settings.ai_poll_s_max)
    pause_s = max(least_s, pause_s * random.uniform(0.8, 1.0))  # noqa: S311 -- to spread requests
    if task.wanted_at is not None and (began is None or task.wanted_at >= began):
        pause_s = least_s
    task.wanted_at, task.poll_job_id = None, None
    task.next_poll_at = (
        await session.scalars(select(func.now() + literal(timedelta(seconds=pause_s), Interval)))
    ).one()
