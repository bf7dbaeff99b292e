"""Notifications."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from app import events
from app.database import ReadSession, WriteSession
from app.errors import BadRequest, NotFound
from app.models.accounts import User
from app.models.base import Record
from app.models.choices import DeliveryMethod
from app.models.kinds import NotificationKind
from app.models.kinds.system import SystemNotification
from app.models.limits.texts import NOTE_LENGTH_MAX
from app.models.mapping.trainings import Training
from app.models.system import UserNotification
from app.policies import Viewer, signed_in, visible
from app.settings import settings

T = TypeVar("T", bound=Any)


def topic(user_id: int) -> str:
    """The topic of events about a user's notifications."""
    return f"notifications:{user_id}"


async def delivery_methods(
    session: ReadSession, user_id: int, kind: NotificationKind
) -> Sequence[DeliveryMethod] | None:
    """How a user wants to receive this category; None if they turned it off."""
    choice = select(User.notifications_delivery_methods, User.notifications_declined).where(User.id == user_id)
    methods, declined = (await session.execute(choice)).one()
    return None if kind in declined else methods


async def notify(
    session: WriteSession,
    user_id: int,
    message: str,
    *,
    about: Record,
    event: str | None = None,
    kind: NotificationKind | None = None,
) -> UserNotification | None:
    """Notifies a user about a row, by their delivery methods; None if already notified or turned off.

    `event` names what happened to the row if it happens once, such as the end of a job: repeating it, by a retried or a
    concurrent job, notifies nobody.
    """
    kind = kind or about.__notified_as__ or SystemNotification.WORK
    methods = await delivery_methods(session, user_id, kind)
    if methods is None:
        return None
    added = insert(UserNotification).values(
        user_id=user_id,
        kind=kind,
        message=message[:NOTE_LENGTH_MAX],
        event_key=None if event is None else f"{type(about).__name__}:{about.id}:{event}",
        mail_due=DeliveryMethod.EMAIL in methods,
        training_id=about.id if isinstance(about, Training) else None,
        subject_type=type(about).__name__,
        subject_key=about.id,
    )
    added = added.on_conflict_do_nothing(index_elements=["user_id", "event_key"])
    notification: UserNotification | None = await session.scalar(added.returning(UserNotification))
    if notification is not None and DeliveryMethod.WEB in methods:
        events.record(session, topic(user_id), {"notification": notification.id})
    return notification


async def notify_unless_viewer(
    session: WriteSession, viewer: Viewer, user_id: int, message: str, *, about: Record, event: str | None = None
) -> None:
    """Like `notify`, but not for the viewer: nobody is told of what they did themselves."""
    if user_id != signed_in(viewer):
        await notify(session, user_id, message, about=about, event=event)


async def notify_if_visible(
    session: WriteSession, user_id: int, message: str, *, about: Record, event: str | None = None
) -> UserNotification | None:
    """Like `notify`, unless the user no longer sees the row: work goes on when who started it has left a project."""
    table = type(about)
    user = await session.get_one(User, user_id)
    sought = visible(table, Viewer(user.id, is_staff=user.is_staff)).where(table.id == about.id)
    if await session.scalar(sought.with_only_columns(table.id)) is None:
        return None
    return await notify(session, user_id, message, about=about, event=event)


async def unread_counts(session: ReadSession, user_ids: Sequence[int]) -> Mapping[int, int]:
    """The number of unread notifications per user."""
    unread = select(UserNotification.user_id, func.count()).where(~UserNotification.is_read)
    counts = await session.execute(unread.where(UserNotification.user_id.in_(user_ids)).group_by("user_id"))
    return dict.fromkeys(user_ids, 0) | dict(counts.all())


async def read_notifications(session: WriteSession, viewer: Viewer, *, ids: Sequence[int]) -> list[UserNotification]:
    """Marks some of the viewer's notifications as read; those already read keep their date."""
    user_id = signed_in(viewer)
    by_id = {row.id: row for row in await session.scalars(_in_order(_some(viewer, ids)))}
    if missing := set(ids) - set(by_id):
        raise NotFound(f"{len(missing)} of these notifications do not exist or are not yours.")
    unread = [row for row in by_id.values() if not row.is_read]
    now = await session.scalar(select(func.now()))
    for row in unread:
        row.is_read, row.read_at = True, now
    await session.flush()
    record_change(session, user_id, len(unread))
    return [by_id[id] for id in ids]


async def read_all_notifications(session: WriteSession, viewer: Viewer) -> int:
    """Marks all notifications as read. Returns how many were unread."""
    user_id = signed_in(viewer)
    unread = _keys(visible(UserNotification, viewer).where(~UserNotification.is_read))
    marked = update(UserNotification).where(UserNotification.id.in_(unread)).values(is_read=True, read_at=func.now())
    count = len((await session.scalars(marked.returning(UserNotification.id))).all())
    record_change(session, user_id, count)
    return count


async def delete_notifications(session: WriteSession, viewer: Viewer, *, ids: Sequence[int]) -> int:
    """Deletes some of the viewer's notifications, and returns how many were deleted."""
    user_id = signed_in(viewer)
    gone = delete(UserNotification).where(UserNotification.id.in_(_keys(_some(viewer, ids))))
    count = len((await session.scalars(gone.returning(UserNotification.id))).all())
    record_change(session, user_id, count)
    return count


def _some(viewer: Viewer, ids: Sequence[int]) -> Select[UserNotification]:
    if len(ids) > settings.nodes_max:
        raise BadRequest(f"Give at most {settings.nodes_max} ids at a time; this has {len(ids)}.")
    return visible(UserNotification, viewer).where(UserNotification.id.in_(ids))


def _in_order(query: Select[T]) -> Select[T]:
    """Rows locked in one order, so that concurrent changes wait instead of deadlocking."""
    return query.order_by(UserNotification.id).with_for_update()


def _keys(query: Select[UserNotification]) -> Select[int]:
    return _in_order(query.with_only_columns(UserNotification.id))


def record_change(session: WriteSession, user_id: int, count: int) -> None:
    """Records an event that refreshes the user's other devices."""
    if count:
        events.record(session, topic(user_id))
