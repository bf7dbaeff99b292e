"""What tasks on camera-trap media share: a folder with media, and the engine's word passed on."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import orjson
import structlog

from app.errors import NotFound
from app.gateways import storage
from app.services.system.jobs import Progress
from jobs.engine import Message
from jobs.run import JobRun

log = structlog.get_logger()
FETCHING_SHARE = 0.15


def write(path: Path, value: dict[str, object]) -> None:
    """Leaves a request for the engine."""
    path.write_bytes(orjson.dumps(value))


async def fetch(run: JobRun, topic: str, media: Sequence[tuple[int, str]], folder: Path) -> None:
    """Brings media from the storage, each under its key. One that is gone is left out: the engine says so of it."""
    for number, (resource_id, storage_key) in enumerate(media):
        run.go_on()
        progress = Progress(
            FETCHING_SHARE * number / len(media), "media", f"{number} of {len(media)} media are loaded."
        )
        await run.report(progress, topic=topic)
        try:
            await storage.download(storage_key, folder / f"{resource_id}")
        except NotFound:
            log.warning("medium is gone", resource=resource_id)


def teller(run: JobRun, topic: str) -> Callable[[Message], Awaitable[None]]:
    """Passes on what the engine says; its progress follows the fetching's."""

    async def report(message: Message) -> None:
        progress = FETCHING_SHARE + (1 - FETCHING_SHARE) * message["progress"]
        await run.report(
            Progress(progress, message["stage"], message["message"], eta_s=message.get("eta_s")), topic=topic
        )

    return report
