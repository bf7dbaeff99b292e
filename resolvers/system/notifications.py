"""Notifications."""

from dataclasses import dataclass

import strawberry
from sqlalchemy import Select

from app.events.streams import SourceStream
from app.events.subscribers import StreamEvent
from app.models.kinds import NotificationKind
from app.models.system import UserNotification
from app.pagination import Order
from app.policies import signed_in, visible
from app.services.system import notifications as notifications_service
from app.services.system import notifications as telling
from resolvers.context import Info
from resolvers.ids import key


class NotificationOrder(Order):
    """By the time of the last update.

    NEWEST: The last updated first.
    OLDEST: The first updated first.
    """

    NEWEST = ("told_at", True)
    OLDEST = ("told_at", False)


@dataclass(frozen=True)
class NotificationEvent:
    """A new notification, or that some were read or deleted, perhaps on another device."""

    cursor: str
    notification: UserNotification | None


async def unread_count(info: Info) -> int:
    """The current number of unread notifications."""
    return await info.context.renewed().load.about(notifications_service.unread_counts, signed_in(info.context.viewer))


def notifications(
    info: Info, is_read: bool | None = None, kinds: list[NotificationKind] | None = None
) -> Select[UserNotification]:
    """The viewer's notifications, newest first. Similar actions of several users on one object are grouped.

    is_read: True for read notifications only, false for unread ones only.
    kinds: Only these categories.
    """
    signed_in(info.context.viewer)
    query = visible(UserNotification, info.context.viewer)
    if kinds is not None:
        query = query.where(UserNotification.kind.in_(kinds))
    return query if is_read is None else query.where(UserNotification.is_read.is_(is_read))


async def mark_notifications_read(info: Info, ids: list[strawberry.ID]) -> list[UserNotification]:
    """Marks notifications as read. Those already read keep their date.

    ids: The notifications.
    """
    keys = [key(id, UserNotification) for id in ids]
    async with info.context.writing() as session:
        return await notifications_service.read_notifications(session, info.context.viewer, ids=keys)


async def mark_all_notifications_read(info: Info) -> int:
    """Marks all notifications as read. Returns how many were unread."""
    async with info.context.writing() as session:
        return await notifications_service.read_all_notifications(session, info.context.viewer)


async def delete_notifications(info: Info, ids: list[strawberry.ID]) -> int:
    """Deletes notifications. Returns how many were deleted.

    ids: The notifications, at most {settings.nodes_max}.
    """
    keys = [key(id, UserNotification) for id in ids]
    async with info.context.writing() as session:
        return await notifications_service.delete_notifications(session, info.context.viewer, ids=keys)


async def notification_received(info: Info, after: str | None = None) -> SourceStream[NotificationEvent]:
    """The viewer's notifications as they arrive, if delivery on the web is on, and as they are read or deleted.

    after: The cursor to continue after; missed events come first. Without it, only new events.
    """
    context, topic = info.context, telling.topic(signed_in(info.context.viewer))

    async def read(event: StreamEvent) -> NotificationEvent:
        key = event.payload.get("notification")
        notification = None if key is None else await context.renewed().load.read(UserNotification, key)
        return NotificationEvent(event.position.cursor, notification)

    return await SourceStream.since(after, context.events, topic, read)
