"""Grouped notifications: similar actions of several users on one object share a notification while it is unread.

A user who acts again moves to the front and counts once; undone actions are removed. A read notification stays as it
is, and the next action starts another.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import BigInteger, Integer, Select, String, any_, bindparam, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased

from app import events
from app.database import WriteSession
from app.models.accounts import User
from app.models.base import Record
from app.models.choices import DeliveryMethod
from app.models.kinds import NotificationKind
from app.models.system import NotificationActor, UserNotification
from app.services.system.notifications import delivery_methods, notify, record_change, topic
from app.settings import settings

# The notification is locked by the first part: of two concurrent actions the second sees the first.
_OPEN = text("""
WITH opened AS (
    INSERT INTO user_notifications (user_id, kind, message, is_read, group_key, actors_count, mail_due, subject_type)
    VALUES (:user_id, :kind, '', false, :group_key, 0, false, :subject_type)
    ON CONFLICT (user_id, group_key) WHERE NOT is_read DO UPDATE SET told_at = now()
    RETURNING id, actors_count, mail_due
), named AS (
    INSERT INTO notification_actors AS actor (notification_id, user_id, subject_keys)
    SELECT id, :actor_id, ARRAY[:key]::bigint[] FROM opened
    ON CONFLICT (notification_id, user_id) DO UPDATE SET told_at = now(), subject_keys =
        (actor.subject_keys || excluded.subject_keys)[greatest(cardinality(actor.subject_keys) + 2 - :keys_max, 1):]
    RETURNING xmax = 0 AS is_new
)
SELECT opened.id, opened.actors_count, opened.mail_due, named.is_new FROM opened, named
""").bindparams(
    bindparam("user_id", type_=BigInteger),
    bindparam("kind", type_=String),
    bindparam("group_key", type_=String),
    bindparam("subject_type", type_=String),
    bindparam("actor_id", type_=BigInteger),
    bindparam("key", type_=BigInteger),
    bindparam("keys_max", type_=Integer),
)


async def notify_grouped(
    session: WriteSession,
    user_id: int,
    actor_user: User,
    kind: NotificationKind,
    *,
    about: Record,
    within: int | None,
    methods: Sequence[DeliveryMethod] | None = None,
) -> None:
    """Notifies a user of another's action, together with unread similar actions `within` the same object.

    `methods` are how the user wants to hear of this kind, if that is known already, and that they do.
    """
    methods = await delivery_methods(session, user_id, kind) if methods is None else methods
    if methods is None:
        return
    values = {
        "user_id": user_id,
        "kind": kind.value,
        "group_key": _group(kind, within),
        "subject_type": type(about).__name__,
        "actor_id": actor_user.id,
        "key": about.id,
        "keys_max": settings.notification_things_max,
    }
    opened = (await session.execute(_OPEN, values)).one()
    actors_count = opened.actors_count + opened.is_new
    changed = update(UserNotification).where(UserNotification.id == opened.id)
    await session.execute(
        changed.values(
            actor_id=actor_user.id,
            subject_key=about.id,
            actors_count=actors_count,
            message=_sentence(kind, actor_user.username, actors_count - 1),
            mail_due=opened.mail_due or (opened.is_new and DeliveryMethod.EMAIL in methods),
        ),
        execution_options={"synchronize_session": False},
    )
    if DeliveryMethod.WEB in methods:
        events.record(session, topic(user_id), {"notification": opened.id})


async def notify_of_actor(
    session: WriteSession, user_id: int, actor_user_id: int, message: str, *, about: Record
) -> None:
    """Notifies a user with a sentence without a name: the actor is shown while they are visible."""
    notification = await notify(session, user_id, message, about=about)
    if notification is not None:
        session.add(NotificationActor(notification_id=notification.id, user_id=actor_user_id, subject_keys=[about.id]))
        notification.actor_id, notification.actors_count = actor_user_id, 1


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
    await session.execute(delete(UserNotification).where(UserNotification.id.in_(gone)))
    return notifications


def _sentence(kind: NotificationKind, username: str, others: int) -> str:
    """The sentence: who did what."""
    if not others:
        return f"{username} {kind.deed}"
    return f"{username} and {others} {'other' if others == 1 else 'others'} {kind.deeds}"
