"""What people are told."""

from dataclasses import dataclass

import strawberry
from sqlalchemy import Select

from app.audience import Happening
from app.events import SourceStream
from app.models.choices import NotificationKind
from app.models.system import UserNotification
from app.pagination import Order
from app.policies import signed_in, visible
from app.services.system import notifications as notifications_service
from app.services.system import notifications as telling
from resolvers.context import Info
from resolvers.ids import key


class NotificationOrder(Order):
    """By when they were last told."""

    NEWEST = ("told_at", True)
    OLDEST = ("told_at", False)


@dataclass(frozen=True)
class NotificationEvent:
    """A notification as it comes in, or that some were read or deleted, on another device perhaps."""

    cursor: str
    notification: UserNotification | None


async def unread_count(info: Info) -> int:
    """How many the viewer has not read, as of now."""
    return await info.context.renewed().load.about(notifications_service.unread_counts, signed_in(info.context.viewer))


def notifications(
    info: Info, is_read: bool | None = None, kinds: list[NotificationKind] | None = None
) -> Select[UserNotification]:
    """What the viewer was told, newest first; what several people did to one thing is told together.

    is_read: Only those already read, or only those not read yet.
    kinds: Only about these.
    """
    signed_in(info.context.viewer)
    found = visible(UserNotification, info.context.viewer)
    if kinds is not None:
        found = found.where(UserNotification.kind.in_(kinds))
    return found if is_read is None else found.where(UserNotification.is_read.is_(is_read))


async def mark_notifications_read(info: Info, ids: list[strawberry.ID]) -> list[UserNotification]:
    """Marks notifications of the viewer's as read; those that are keep their date.

    ids: Which.
    """
    keys = [key(id, UserNotification) for id in ids]
    async with info.context.writing() as session:
        return await notifications_service.read_notifications(session, info.context.viewer, ids=keys)


async def mark_all_notifications_read(info: Info) -> int:
    """Marks every notification of the viewer's as read, and answers how many were not."""
    async with info.context.writing() as session:
        return await notifications_service.read_all_notifications(session, info.context.viewer)


async def delete_notifications(info: Info, ids: list[strawberry.ID]) -> int:
    """Deletes notifications of the viewer's, and answers how many there were.

    ids: Which, at most 100.
    """
    keys = [key(id, UserNotification) for id in ids]
    async with info.context.writing() as session:
        return await notifications_service.delete_notifications(session, info.context.viewer, ids=keys)


async def notification_received(info: Info, after: str | None = None) -> SourceStream[NotificationEvent]:
    """Every notification of the viewer's as it comes in, if they want them on the web, and when some are read, or gone.

    after: Continue after this cursor: what was missed comes first. Without it, what comes from now on.
    """
    context, topic = info.context, telling.topic(signed_in(info.context.viewer))

    async def event(happening: Happening) -> NotificationEvent:
        told = happening.payload.get("notification")
        found = None if told is None else await context.renewed().load.read(UserNotification, told)
        return NotificationEvent(happening.position.cursor, found)

    return await SourceStream.since(after, context.feed, topic, event)
