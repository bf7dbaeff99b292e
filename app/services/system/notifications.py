"""Telling people what concerns them."""

from collections.abc import Sequence

from sqlalchemy import func, select

from app import events
from app.database import WriteSession
from app.errors import BadRequest, NotFound
from app.models import Record, Training, UserNotification
from app.policies import Viewer, signed_in, visible
from app.settings import settings


def topic(user_id: int) -> str:
    """Where the events about a person's notifications are found."""
    return f"notifications:{user_id}"


async def notify(session: WriteSession, user_id: int, message: str, *, about: Record) -> UserNotification:
    """One message to one person about a row; subscriptions of theirs show it at once."""
    notification = UserNotification(
        user_id=user_id,
        message=message[: settings.note_length_max],
        training_id=about.id if isinstance(about, Training) else None,
        subject_type=type(about).__name__,
        subject_key=about.id,
    )
    session.add(notification)
    await session.flush()
    events.record(session, topic(user_id), {"notification": notification.id})
    return notification


async def read_notifications(session: WriteSession, viewer: Viewer, *, ids: Sequence[int]) -> list[UserNotification]:
    """Marks some of the viewer's notifications as read; those that are keep their date."""
    signed_in(viewer)
    if len(ids) > settings.nodes_max:
        raise BadRequest(f"Mark at most {settings.nodes_max} at a time; these are {len(ids)}.")
    rows = visible(UserNotification, viewer).where(UserNotification.id.in_(ids)).order_by(UserNotification.id)
    found = {row.id: row for row in await session.scalars(rows.with_for_update())}
    if missing := set(ids) - set(found):
        raise NotFound(f"{len(missing)} of these notifications are not yours or not there.")
    now = await session.scalar(select(func.now()))
    for row in found.values():
        if not row.is_read:
            row.is_read, row.read_at = True, now
    await session.flush()
    return [found[id] for id in ids]
