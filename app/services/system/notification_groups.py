"""Grouped notifications: similar actions of several users on one object share a notification while it is unread.

A user who acts again moves to the front and counts once; undone actions are removed. A read notification stays as it
is, and the next action starts another.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import Select, any_, delete, func, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased

from app.database import WriteSession
from app.models.accounts import User
from app.models.base import Record
from app.models.kinds import NotificationKind
from app.models.system import NotificationActor, UserNotification
from app.postgres import last_statement
from app.postgres.last_statement import Part
from app.services.system.notifications import record_change
from app.settings import settings


def actions(name: str, is_told: str = "true") -> Part:
    """Notices of what others do; `is_told` is a condition on `given`, the rows, and on the users `doer`."""
    return Part(
        f"""
        {name} AS (
            INSERT INTO events (topic, payload)
            SELECT 'notifications:' || user_id, jsonb_build_object('notification', added.id)
            FROM (
                SELECT given.* FROM {{rows}} JOIN users AS doer ON doer.id = actor_id WHERE {is_told}
                ORDER BY user_id, place
            ) AS deed CROSS JOIN LATERAL notify_of_action(
                user_id, actor_id, kind, group_key, subject_type, subject_key, ARRAY[one, two, more], keys_max
            ) AS added (id)
            WHERE added.id IS NOT NULL
        )
        """,  # noqa: S608 -- constants
        user_id="bigint",
        actor_id="bigint",
        kind="text",
        group_key="text",
        subject_type="text",
        subject_key="bigint",
        one="text",
        two="text",
        more="text",
        keys_max="integer",
        tells=True,
    )


ACTIONS = actions("actions_told")


def notify_grouped(
    session: WriteSession,
    user_id: int,
    actor_user_id: int,
    kind: NotificationKind,
    *,
    about: Record,
    within: int | None,
    part: Part = ACTIONS,
) -> None:
    """Notifies a user of another's action, together with unread similar actions `within` the same object.

    `part` may have conditions of its own; several receivers are notified in the order of their ids.
    """
    last_statement.of(session).add(
        part,
        user_id,
        actor_user_id,
        kind.value,
        _group(kind, within),
        type(about).__name__,
        about.id,
        *_sentences(kind),
        settings.notification_things_max,
    )


async def mark_group_read(session: WriteSession, user_id: int, kind: NotificationKind, *, within: int | None) -> None:
    """Marks notifications about an object as read, once the user has seen the object itself."""
    unread = UserNotification.user_id == user_id, UserNotification.group_key == _group(kind, within)
    marked = update(UserNotification).where(*unread, ~UserNotification.is_read)
    read = await session.scalars(marked.values(is_read=True, read_at=func.now()).returning(UserNotification.id))
    record_change(session, user_id, len(read.all()))


async def withdraw_action(
    session: WriteSession, actor_user_id: int, table: type[Record], id: int, *, kind: NotificationKind | None = None
) -> None:
    """Withdraws an undone action, or all of them about a row, from unread notifications."""
    deed = _of(actor_user_id).where(
        ~UserNotification.is_read,
        UserNotification.subject_type == table.__name__,
        any_(NotificationActor.subject_keys) == id,
    )
    if kind is not None:
        deed = deed.where(UserNotification.kind == kind)
    actors = (await session.scalars(deed)).all()
    for actor in actors:
        actor.subject_keys = [key for key in actor.subject_keys if key != id]
    await _leave(session, [actor for actor in actors if not actor.subject_keys], actors)


async def withdraw_groups(
    session: WriteSession, user_id: int, kinds: Collection[NotificationKind], *, within: int
) -> None:
    """Withdraws what all did with an object that is gone from a user's unread notifications."""
    keys = [_group(kind, within) for kind in kinds]
    groups = UserNotification.user_id == user_id, UserNotification.group_key.in_(keys), ~UserNotification.is_read
    gone = await session.scalars(delete(UserNotification).where(*groups).returning(UserNotification.id))
    record_change(session, user_id, len(gone.all()))


async def remove_actor(session: WriteSession, actor_user_id: int, *, user_id: int | None = None) -> None:
    """Removes a user from all notifications, or from those of one other user, read or not."""
    did = _of(actor_user_id)
    did = did if user_id is None else did.where(UserNotification.user_id == user_id)
    actors = (await session.scalars(did)).all()
    await _leave(session, actors, actors)


def _group(kind: NotificationKind, within: int | None) -> str:
    return kind.value if within is None else f"{kind.value}:{within}"


def _of(actor_user_id: int) -> Select[NotificationActor]:
    """A user's actions, with their notifications locked in the order of their receivers."""
    did = select(NotificationActor).join(UserNotification).where(NotificationActor.user_id == actor_user_id)
    return (
        did.order_by(UserNotification.user_id, UserNotification.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


async def _leave(
    session: WriteSession, gone: Sequence[NotificationActor], touched: Sequence[NotificationActor]
) -> None:
    """Removes actors, and refreshes the receivers."""
    if not touched:
        return
    await session.flush()
    await session.execute(delete(NotificationActor).where(NotificationActor.id.in_([actor.id for actor in gone])))
    for notification in await _renew(session, [actor.notification_id for actor in touched]):
        record_change(session, notification.user_id, 1)


async def _renew(session: WriteSession, ids: Sequence[int]) -> Sequence[UserNotification]:
    """Updates the sentence of notifications, the latest actor first; without actors they are deleted."""
    actor, of_these = NotificationActor, NotificationActor.notification_id.in_(ids)
    newest = select(actor).where(of_these).ext(distinct_on(actor.notification_id))
    newest = newest.order_by(actor.notification_id, actor.told_at.desc(), actor.id.desc())
    last = aliased(actor, newest.subquery())
    counts = select(actor.notification_id, func.count().label("count")).where(of_these).group_by(actor.notification_id)
    counted = counts.subquery()
    left = (
        select(last.notification_id, last.user_id, last.subject_keys, User.username, counted.c.count)
        .join(counted, counted.c.notification_id == last.notification_id)
        .join(User, User.id == last.user_id)
    )
    named = {row[0]: row[1:] for row in await session.execute(left)}
    query = select(UserNotification).where(UserNotification.id.in_(ids)).order_by(UserNotification.id)
    locked = query.with_for_update().execution_options(populate_existing=True)
    notifications = (await session.scalars(locked)).all()
    for notification in notifications:
        if notification.id in named:
            actor_id, keys, username, count = named[notification.id]
            notification.actor_id, notification.subject_key, notification.actors_count = actor_id, keys[-1], count
            notification.message = _sentence(notification.kind, username, count - 1)
    gone = [notification.id for notification in notifications if notification.id not in named]
    await session.flush()
    if gone:
        await session.execute(delete(UserNotification).where(UserNotification.id.in_(gone)))
    return notifications


def _sentence(kind: NotificationKind, username: str, others: int) -> str:
    """The sentence: who did what."""
    return _sentences(kind)[min(others, 2)].replace("%2$s", str(others)).replace("%1$s", username)


def _sentences(kind: NotificationKind) -> tuple[str, str, str]:
    """The sentences for one, two and more users: PostgreSQL's `format` adds the last name, and how many others."""
    return f"%1$s {kind.deed}", f"%1$s and 1 other {kind.deeds}", f"%1$s and %2$s others {kind.deeds}"
