"""Waiting times of queued jobs."""

import strawberry

from app.models.system import Job
from app.services.system import queue
from app.services.system.queue import QueueLoad
from resolvers.context import Info


async def queue_position(root: strawberry.Parent[Job], info: Info) -> int | None:
    """The position in the queue, 1 for the next job. Null once it runs, and for jobs that never wait long.

    Accounts take turns: another account's first job goes before your second. {settings.queue_positions_max} places are
    counted; the next number stands for all jobs further back.
    """
    return (await info.context.load.turn(root.id)).position


async def expected_wait_s(root: strawberry.Parent[Job], info: Info) -> float | None:
    """The estimated waiting time in seconds, from recent jobs of the same kind.

    Null if unknown: no such job has finished yet, none is running (there may be no worker), or it is too far back.
    """
    return (await info.context.load.turn(root.id)).wait_s


async def queue_loads(info: Info) -> list[QueueLoad]:
    """How many jobs wait and run, by kind, and how long recent ones took."""
    async with info.context.reading() as session:
        return await queue.queue_loads(session)
