"""Keeping how far a training is, so that it does not begin anew when its worker or its engine is killed."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from app.errors import NotFound, Unavailable
from app.gateways import storage
from app.services.mapping.trainings import retention
from jobs.engine import Message
from jobs.run import JobRun

log = structlog.get_logger()
FILE = "resume.safetensors"


async def resume(training_id: int, folder: Path) -> None:
    """Brings what was kept, for the engine to go on from."""
    try:
        await storage.download(retention.resuming_key(training_id), folder / FILE)
    except NotFound:
        return


def keep_checkpoints(
    run: JobRun, training_id: int, folder: Path, on_message: Callable[[Message], Awaitable[None]]
) -> Callable[[Message], Awaitable[None]]:
    """Passes on the messages of the engine, and stores its checkpoint whenever that is new."""
    path = folder / FILE
    last_written = _written(path)

    async def store_when_new(message: Message) -> None:
        nonlocal last_written
        await on_message(message)
        if message.get("epoch") and (now := _written(path)) != last_written:
            try:
                await storage.put(retention.resuming_key(training_id), path)
            except (Unavailable, OSError) as error:  # it costs time only if the worker dies as well
                log.warning("checkpoint not stored", training=training_id, error=str(error))
            else:
                last_written = now
                await run.got_on()

    return store_when_new


async def forget(training_id: int) -> None:
    """Deletes the stored checkpoint; if that fails, housekeeping does."""
    try:
        await storage.delete(retention.resuming_key(training_id))
    except Unavailable as error:
        log.warning("checkpoint not deleted", training=training_id, error=str(error))


def _written(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None
