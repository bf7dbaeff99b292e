"""The first event of a subscription to a job: how things stand."""

from app.services.system import jobs
from app.services.system.jobs import Standing
from resolvers.context import Info


async def standing(info: Info, job_id: int | None, *, after: str | None, is_done: bool) -> Standing:
    """How the job of a row stands that the viewer sees; not read where a subscription goes on `after` a cursor.

    Such a one begins with what was missed, and never says how things stand.
    """
    return await jobs.standing(info.context.rows, job_id if after is None else None, is_done=is_done)
