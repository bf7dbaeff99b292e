"""Email digests: one email for all notifications of a while, with a link to unsubscribe.

A notification waits until it has settled, so that what comes together goes out together; notifications read by then are
left out. After a recent email the next one waits longer.
"""

from base64 import urlsafe_b64encode
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Interval, any_, exists, func, literal, select, update
from sqlalchemy.orm import InstrumentedAttribute

from app import checks
from app.database import ReadSession, WriteSession
from app.errors import Expired, Forbidden, NotFound
from app.models.accounts import User
from app.models.choices import DeliveryMethod
from app.models.kinds.system import SystemMail
from app.models.system import Mail, UserNotification
from app.security import credentials
from app.services import links
from app.services.system import audit
from app.services.system.mail import Letter, post, writes
from app.settings import settings

UNSUBSCRIBE = links.Kind("unsubscribe", "unsubscribe", User)
ENDED = "No mails go to this address any longer."


def _ago(**time: float) -> ColumnElement[datetime]:
    return func.now() - literal(timedelta(**time), Interval)


def wants_mail(user: User) -> bool:
    """Whether a user receives notifications by email: they opted in and verified their address."""
    opted_in = DeliveryMethod.EMAIL in user.notifications_delivery_methods
    return opted_in and user.is_active and user.email_verified and user.email is not None


def _was_mailed_lately(user_id: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    lately = Mail.created_at > _ago(minutes=settings.notification_mail_minutes)
    return exists().where(Mail.user_id == user_id, Mail.kind == SystemMail.NOTIFICATIONS, lately)


async def post_digests(session: WriteSession) -> int:
    """Queues the emails that are due, at most one per user; returns how many."""
    settled = UserNotification.created_at < _ago(seconds=settings.notification_settle_s)
    waiting = select(UserNotification.user_id).where(UserNotification.mail_due, settled)
    query = select(User).where(User.id.in_(waiting), ~_was_mailed_lately(User.id)).order_by(User.id)
    # Each user by one worker at a time, with a lock that does not block new notifications.
    locked = query.limit(settings.digests_at_once).with_for_update(key_share=True, skip_locked=True)
    people = {user.id: user for user in await session.scalars(locked)}
    # Checked again: another worker may have mailed a user just before the lock.
    due = select(
        UserNotification.user_id,
        func.min(UserNotification.told_at),
        func.max(UserNotification.told_at),
        func.bool_and(UserNotification.is_read),
    ).where(
        UserNotification.user_id.in_(people), UserNotification.mail_due, ~_was_mailed_lately(UserNotification.user_id)
    )
    posted = 0
    for user_id, first, last, all_read in (await session.execute(due.group_by(UserNotification.user_id))).all():
        taken = update(UserNotification).where(UserNotification.user_id == user_id, UserNotification.mail_due)
        await session.execute(taken.where(UserNotification.told_at <= last).values(mail_due=False))
        user = people[user_id]
        if wants_mail(user) and not all_read:
            kind, address = SystemMail.NOTIFICATIONS, str(user.email)
            await post(session, kind, address=address, user_id=user_id, first=first.isoformat(), last=last.isoformat())
            posted += 1
    return posted


@writes(SystemMail.NOTIFICATIONS)
async def digest(session: WriteSession, mail: Mail) -> Letter | None:
    """The notifications of an email that are still unread and still to be mailed."""
    user = await session.get(User, mail.user_id)
    if user is None or not wants_mail(user):
        return None
    first, last = (datetime.fromisoformat(mail.facts[end]) for end in ("first", "last"))
    query = select(UserNotification).where(
        UserNotification.user_id == user.id,
        UserNotification.told_at.between(first, last),
        ~UserNotification.mail_due,
        ~UserNotification.is_read,
    )
    count = await session.scalar(select(func.count()).select_from(query.subquery())) or 0
    newest = query.order_by(UserNotification.told_at.desc(), UserNotification.id.desc()).limit(
        settings.notifications_per_mail_max
    )
    rows = (await session.scalars(newest)).all()
    if not rows:
        return None
    subject = " ".join(rows[0].message.split()) if count == 1 else f"You have {count} new notifications"
    more = [f"And {count - len(rows)} more."] if count > len(rows) else []
    url = unsubscribe_url(user.id, str(user.email))
    farewell = f"You receive this email because you opted in to it. To unsubscribe:\n{url}"
    text = "\n\n".join([f"Hello {user.username},", *map(_entry, rows), *more, farewell])
    return Letter(str(user.email), f"Fieldgraph: {subject}", f"{text}\n", url)


def _entry(notification: UserNotification) -> str:
    """A message, and where to find its subject."""
    if settings.thing_url is None or notification.subject_type is None:
        return notification.message
    id = urlsafe_b64encode(f"{notification.subject_type}:{notification.subject_key}".encode()).decode().rstrip("=")
    url = settings.thing_url.replace("{type}", notification.subject_type.lower()).replace("{id}", id)
    return f"{notification.message}\n{url}"


def unsubscribe_url(user_id: int, address: str) -> str:
    """Where one POST ends the mails to somebody, for as long as they go to this address."""
    return links.signed_for_account(UNSUBSCRIBE, user_id, _mailbox(address))


async def unsubscriber(session: ReadSession, token: str) -> int:
    """Whose mails a link ends; NotFound if it was not signed here, Expired if they go to this address no longer."""
    try:
        _, _, user, [mailbox] = await links.opened(session, UNSUBSCRIBE.route, token)
    except Expired:
        raise Expired(ENDED) from None
    except Forbidden:
        raise NotFound("This link is not valid. Copy all of it from the email.") from None
    if user.email is None or _mailbox(user.email) != mailbox:
        raise Expired(ENDED)
    return int(user.id)


def _mailbox(address: str) -> str:
    """The link does not say the address itself."""
    return credentials.token_hash(checks.mailbox(address)).hex()


async def unsubscribe(session: WriteSession, user_id: int) -> None:
    """Unsubscribes a user from email; the link is the permission, and repeating it has no effect."""
    methods = User.notifications_delivery_methods
    ended = update(User).where(User.id == user_id, any_(methods) == DeliveryMethod.EMAIL)
    ended = ended.values(notifications_delivery_methods=func.array_remove(methods, DeliveryMethod.EMAIL.value))
    if await session.scalar(ended.returning(User.id)) is not None:
        audit.record(session, user_id, "unsubscribe")
