"""How long what is queued will have to wait."""

import strawberry

from app.models.system import Job
from app.services.system import queue
from app.services.system.queue import QueueLoad
from resolvers.context import Info


async def queue_position(root: strawberry.Parent[Job], info: Info) -> int | None:
    """Its place in the queue while it waits, 1 for the next; null once it runs, and for work that never waits long.

    Accounts take turns: another account's first job goes before your second.
    """
    return (await info.context.load.turn(root.id)).position


async def expected_wait_s(root: strawberry.Parent[Job], info: Info) -> float | None:
    """About how many seconds it will wait still, from how long its like took lately.

    Null where that is unknown: when none was done yet, or nothing runs, so that perhaps no worker is there.
    """
    return (await info.context.load.turn(root.id)).wait_s


async def queue_loads(info: Info) -> list[QueueLoad]:
    """How much work waits and runs here, and how long it took lately."""
    async with info.context.reading() as session:
        return await queue.queue_loads(session)
