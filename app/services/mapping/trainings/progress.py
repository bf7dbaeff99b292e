"""How trainings, predictions and inspections start and end: events and notifications."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

from shapely.geometry.base import BaseGeometry
from sqlalchemy import func, select

from app import events
from app.database import WriteSession
from app.geometry.tiles import Tile, outline
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.mapping.inspections import Inspection
from app.models.mapping.predictions import Prediction
from app.models.mapping.trainings import Training, TrainingStatus
from app.services.system import jobs, notifications


@dataclass(frozen=True)
class Unseen:
    """Ground without imagery: how many tiles, and their outline."""

    tiles: int = 0
    ground: BaseGeometry | None = None

    @classmethod
    def of(cls, tiles: Collection[Tile], within: BaseGeometry) -> Self:
        """These tiles, as far as they lie within an area."""
        return cls(len(tiles), outline(tiles, within))

    @property
    def warning(self) -> str:
        """A sentence to follow what was done; nothing if all ground was seen."""
        return warning(self.tiles)


ALL_SEEN = Unseen()


def warning(tiles: int | None) -> str:
    """What a notification says of tiles without imagery."""
    if not tiles:
        return ""
    return f" {tiles} {'tile has' if tiles == 1 else 'tiles have'} no imagery: this ground was not seen."


Work = Training | Prediction | Inspection


def topic_of(kind: type[Work], id: int) -> str:
    """The topic of events about a training, a prediction or an inspection."""
    return f"{kind.__name__.lower()}:{id}"


def note(session: WriteSession, work: Work) -> None:
    """Publishes a change of status."""
    events.record(session, topic_of(type(work), work.id), {"status": work.status.value})


async def begin(session: WriteSession, work: Work) -> None:
    """Marks work as started. A retry may follow an uncounted attempt: only the first start is reported."""
    work.status = TrainingStatus.RUNNING
    if work.started_at is None:
        work.started_at = await session.scalar(select(func.now()))
        if not isinstance(work, Inspection):  # which is over soon
            await _tell(session, work, "started", "has started.")
    note(session, work)


async def finish(session: WriteSession, work: Work, how: str) -> None:
    """Marks work as finished."""
    await _end(session, work, TrainingStatus.FINISHED, f"has finished{how}")


async def fail(session: WriteSession, work: Work, reason: str) -> None:
    """Marks work as failed, with the reason."""
    work.failure = reason[:NOTE_LENGTH_MAX]
    how = "was cancelled." if reason == jobs.CANCELLED else f"failed. {reason}"
    await _end(session, work, TrainingStatus.FAILED, how)


async def _end(session: WriteSession, work: Work, status: TrainingStatus, how: str) -> None:
    work.status, work.finished_at = status, await session.scalar(select(func.now()))
    note(session, work)
    await _tell(session, work, "ended", how)


async def _tell(session: WriteSession, work: Work, event: str, how: str) -> None:
    what = f"of dataset {work.dataset_id}" if isinstance(work, Inspection) else str(work.id)
    message = f"Your {type(work).__name__.lower()} {what} {how}"
    notifications.notify(session, work.user_id, message, about=work, event=f"{event}:{work.job_id}")
