"""The first event of a subscription to a job: how things stand."""

from app.services.system import jobs
from app.services.system.jobs import Standing
from resolvers.context import Info


async def standing(info: Info, job_id: int | None, *, is_done: bool) -> Standing:
    """How the job of a row stands that the viewer sees."""
    return await jobs.standing(info.context.rows, job_id, is_done=is_done)
