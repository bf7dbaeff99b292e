"""How a job of a local provider is started; the engine of this installation registers itself here."""

from collections.abc import Awaitable, Callable, Sequence

from app.database import WriteSession
from app.errors import Unavailable
from app.models.wildlife.ai_jobs import AIClassificationJob

Start = Callable[[WriteSession, AIClassificationJob, Sequence[int]], Awaitable[None]]
_engines: list[Start] = []


def runs_locally(start: Start) -> Start:
    """Registers what queues a job of a local provider: it gets the job and the media."""
    _engines.append(start)
    return start


async def start_locally(session: WriteSession, job: AIClassificationJob, resource_ids: Sequence[int]) -> None:
    """Queues a job of a local provider."""
    if not _engines:
        raise Unavailable("This installation has no engine for local AI providers.")
    for start in _engines:
        await start(session, job, resource_ids)
