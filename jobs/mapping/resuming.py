"""Keeping how far a training is, so that it does not begin anew when its worker or its engine is killed."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from app.errors import NotFound, Unavailable
from app.gateways import storage
from app.services.mapping.trainings import retention
from jobs.engine import Message
from jobs.run import Run

log = structlog.get_logger()
FILE = "resume.safetensors"


async def resume(training_id: int, folder: Path) -> None:
    """Brings what was kept, for the engine to go on from."""
    try:
        await storage.download(retention.resuming_key(training_id), folder / FILE)
    except NotFound:
        return


def keeping(
    run: Run, training_id: int, folder: Path, said: Callable[[Message], Awaitable[None]]
) -> Callable[[Message], Awaitable[None]]:
    """Passes on what the engine says, and keeps what it has written of its standing whenever that is new."""
    path = folder / FILE
    kept = _written(path)

    async def heard(message: Message) -> None:
        nonlocal kept
        await said(message)
        if message.get("epoch") and (now := _written(path)) != kept:
            try:
                await storage.put(retention.resuming_key(training_id), path)
            except (Unavailable, OSError) as error:  # it costs time only if the worker dies as well
                log.warning("checkpoint not stored", training=training_id, error=str(error))
            else:
                kept = now
                await run.got_on()

    return heard


async def forget(training_id: int) -> None:
    """Deletes what was kept; what fails is left to the housekeeping."""
    try:
        await storage.delete(retention.resuming_key(training_id))
    except Unavailable as error:
        log.warning("checkpoint not deleted", training=training_id, error=str(error))


def _written(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None
