"""Notifications."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Select, delete, func, select, update

from app import events
from app.database import ReadSession, WriteSession
from app.errors import BadRequest, NotFound
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.accounts import User
from app.models.base import Record
from app.models.kinds import NotificationKind
from app.models.kinds.system import SystemNotification
from app.models.mapping.trainings import Training
from app.models.system import UserNotification
from app.policies import Viewer, signed_in, visible
from app.postgres import last_statement
from app.postgres.last_statement import Part
from app.settings import settings

T = TypeVar("T", bound=Any)
NOTICES = Part(
    """
    noted AS (
        INSERT INTO user_notifications (
            user_id, kind, message, is_read, event_key, actor_id, actors_count, mail_due, training_id, subject_type,
            subject_key
        )
        SELECT user_id, kind, message, false, event_key, actor_id, num_nonnulls(actor_id),
            'EMAIL' = ANY (notifications_delivery_methods), training_id, subject_type, subject_key
        FROM {rows} JOIN users ON users.id = given.user_id AND NOT kind = ANY (notifications_declined) ORDER BY place
        ON CONFLICT (user_id, event_key) DO NOTHING RETURNING id, user_id, actor_id, subject_key
    ), doers_noted AS (
        INSERT INTO notification_actors (notification_id, user_id, subject_keys)
        SELECT id, actor_id, ARRAY[subject_key] FROM noted WHERE actor_id IS NOT NULL
    ), notices_told AS (
        INSERT INTO events (topic, payload)
        SELECT 'notifications:' || user_id, jsonb_build_object('notification', noted.id)
        FROM noted JOIN users ON users.id = user_id AND 'WEB' = ANY (notifications_delivery_methods) ORDER BY noted.id
    )
    """,
    user_id="bigint",
    kind="text",
    message="text",
    event_key="text",
    actor_id="bigint",
    training_id="bigint",
    subject_type="text",
    subject_key="bigint",
    tells=True,
)


def topic(user_id: int) -> str:
    """The topic of events about a user's notifications."""
    return f"notifications:{user_id}"


def notify(
    session: WriteSession,
    user_id: int,
    message: str,
    *,
    about: Record,
    event: str | None = None,
    kind: NotificationKind | None = None,
    actor_id: int | None = None,
) -> None:
    """Notifies a user about a row, by their delivery methods, unless already notified or turned off.

    `event` names what happened to the row if it happens once, such as the end of a job: repeating it, by a retried or a
    concurrent job, notifies nobody. `actor_id` is who did it, if that may be shown.
    """
    last_statement.of(session).add(
        NOTICES,
        user_id,
        (kind or about.__notified_as__ or SystemNotification.WORK).value,
        message[:NOTE_LENGTH_MAX],
        None if event is None else f"{type(about).__name__}:{about.id}:{event}",
        actor_id,
        about.id if isinstance(about, Training) else None,
        type(about).__name__,
        about.id,
    )


def notify_unless_viewer(
    session: WriteSession, viewer: Viewer, user_id: int, message: str, *, about: Record, event: str | None = None
) -> None:
    """Like `notify`, but not for the viewer: nobody is notified of what they did themselves."""
    if user_id != signed_in(viewer):
        notify(session, user_id, message, about=about, event=event)


async def notify_if_visible(
    session: WriteSession, user_id: int, message: str, *, about: Record, event: str | None = None
) -> None:
    """Like `notify`, unless the user no longer sees the row: work goes on when who started it has left a project."""
    table = type(about)
    user = await session.get_one(User, user_id)
    sought = visible(table, Viewer(user.id, is_staff=user.is_staff)).where(table.id == about.id)
    if await session.scalar(sought.with_only_columns(table.id)) is not None:
        notify(session, user_id, message, about=about, event=event)


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
