"""Outgoing email: queued in the transaction of its cause, written and sent by a job."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy import func, update

from app.database import WriteSession
from app.errors import Unavailable
from app.gateways import mail as gateway
from app.models.kinds import MailKind
from app.models.kinds.system import SystemJob
from app.models.system import Mail
from app.queue import enqueue
from app.security import credentials
from app.settings import settings


@dataclass(frozen=True)
class Letter:
    """An email as plain text with its receiver; `unsubscribe_url` unsubscribes by POST."""

    address: str
    subject: str
    text: str
    unsubscribe_url: str | None = None


Writer = Callable[[WriteSession, Mail], Awaitable[Letter | None]]
_writers: dict[MailKind, Writer] = {}


def writes(kind: MailKind) -> Callable[[Writer], Writer]:
    """Registers the writer of a kind of email; a writer may return None if there is nothing to send any more."""

    def register(writer: Writer) -> Writer:
        assert kind not in _writers, f"{kind} has two writers"
        _writers[kind] = writer
        return writer

    return register


def require_mail() -> None:
    """Refused if this installation sends no email; the same for every request."""
    if not gateway.goes_out():
        raise Unavailable("This installation cannot send email. Contact its operators.")


async def post(
    session: WriteSession, kind: MailKind, *, address: str, user_id: int | None = None, **facts: str | int
) -> None:
    """Queues an email, to be sent once this transaction is committed.

    Call it in the same way whether or not an address has an account: only the job looks it up, so neither the answer
    nor its time reveals it. `facts` are stored until the email is pruned and must not contain secrets. Without a mail
    server nothing is queued.
    """
    if not gateway.goes_out():
        return
    mail = Mail(kind=kind, address=address, user_id=user_id, facts=facts)
    session.add(mail)
    await session.flush()
    await enqueue(
        session,
        SystemJob.SEND_MAIL,
        subject_id=mail.id,
        user_id=None,
        account_key=user_id or _mailbox_key(address),
        attempts_max=settings.mail_attempts_max,
    )


def _mailbox_key(address: str) -> int:
    """A negative number for a mailbox: strangers' emails take turns by it, so many to one mailbox delay no others."""
    return -int.from_bytes(credentials.token_hash(address.strip().lower())[:7], "big")


async def letter_of(session: WriteSession, mail_id: int) -> Letter | None:
    """The current content of an email; None if it was sent, or if there is nothing to say."""
    mail = await session.get(Mail, mail_id)
    return None if mail is None or mail.sent_at else await _writers[mail.kind](session, mail)


async def mail_sent(session: WriteSession, mail_id: int) -> None:
    """Marks an email as sent."""
    await session.execute(update(Mail).where(Mail.id == mail_id).values(sent_at=func.now()))


async def mail_failed(session: WriteSession, mail_id: int, reason: str) -> None:
    """Nobody can repair an unsent email: its job keeps the reason."""
    del session, mail_id, reason
