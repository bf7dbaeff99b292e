"""Callbacks of AI Managers: hints to look now, and never more. What they say of results is not read."""

import hmac
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from app.database import WriteSession
from app.errors import NotFound
from app.models.wildlife.ai_jobs import AIClassificationJob, AIJobBatch, UserRemoteTask
from app.security import credentials
from app.services.wildlife.ai_jobs.managers import polling

UNKNOWN = "There is no such callback."
INTEGER_MAX = 2**62


@dataclass(frozen=True)
class Hint:
    """What a callback names: its batch, the fence it was started under, and its number."""

    key: str
    fence: int
    sequence: int

    @classmethod
    def of(cls, body: object) -> "Hint | None":
        """The hint in a callback's JSON; None for what is none."""
        if not isinstance(body, dict):
            return None
        key, fence, sequence = body.get("key"), body.get("fence"), body.get("sequence")
        numbers = (fence, sequence)
        if not isinstance(key, str) or any(isinstance(each, bool) or not isinstance(each, int) for each in numbers):
            return None
        if not all(0 <= each < INTEGER_MAX for each in (fence, sequence)):  # type: ignore[operator]
            return None
        return cls(key, fence, sequence)  # type: ignore[arg-type]


async def accept(session: WriteSession, uuid: str, token: str, hint: Hint | None) -> bool:
    """Has a job looked at, if the callback is of its present start and newer than all before.

    NotFound unless the token is the job's: a forged one learns nothing, not even whether there is such a job.
    """
    job, task = await _found(session, uuid, token)
    if hint is None or job.stage.is_final or hint.sequence <= task.callback_sequence:
        return False
    batch = select(AIJobBatch.id).where(AIJobBatch.ai_job_id == job.id, AIJobBatch.fence == hint.fence)
    try:
        key = UUID(hint.key)
    except ValueError:
        return False
    if await session.scalar(batch.where(AIJobBatch.key == key)) is None:
        return False
    task.callback_sequence = hint.sequence
    await polling.wake(session, task)
    return True


async def _found(session: WriteSession, uuid: str, token: str) -> tuple[AIClassificationJob, UserRemoteTask]:
    try:
        key = UUID(uuid)
    except ValueError:
        raise NotFound(UNKNOWN) from None
    query = (
        select(AIClassificationJob, UserRemoteTask)
        .join(UserRemoteTask, UserRemoteTask.id == AIClassificationJob.user_remote_task_id)
        .where(AIClassificationJob.uuid == key)
        .with_for_update(of=UserRemoteTask)
    )
    row = (await session.execute(query)).one_or_none()
    known = row[1].token_hash if row and row[1].token_hash else b""
    # Compared in constant time, also where there is nothing to compare with.
    if not hmac.compare_digest(credentials.token_hash(token), known) or row is None:
        raise NotFound(UNKNOWN)
    job, task = row
    return job, task
