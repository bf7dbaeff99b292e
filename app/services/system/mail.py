"""Mails to be sent: asked for in the transaction of what they tell of, written and sent by a job."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy import func, update

from app import security
from app.database import WriteSession
from app.errors import Unavailable
from app.gateways import mail as gateway
from app.models.kinds import MailKind
from app.models.kinds.system import SystemJob
from app.models.system import Mail
from app.queue import enqueue
from app.settings import settings


@dataclass(frozen=True)
class Letter:
    """What a mail says, as plain text, and to whom; `unsubscribe_url` ends mails of its kind by one POST."""

    address: str
    subject: str
    text: str
    unsubscribe_url: str | None = None


Writer = Callable[[WriteSession, Mail], Awaitable[Letter | None]]
_writers: dict[MailKind, Writer] = {}


def writes(kind: MailKind) -> Callable[[Writer], Writer]:
    """Registers who writes the mails of a kind; a writer may find that there is nothing to say any more."""

    def register(writer: Writer) -> Writer:
        assert kind not in _writers, f"{kind} has two writers"
        _writers[kind] = writer
        return writer

    return register


def require_mail() -> None:
    """Passes where mails go out: whoever asks for one is told alike that none does."""
    if not gateway.goes_out():
        raise Unavailable("This installation sends no mails. Ask those who look after it.")


async def post(
    session: WriteSession, kind: MailKind, *, address: str, user_id: int | None = None, **facts: str | int
) -> None:
    """Has a mail sent once this transaction is committed.

    To be called in the same way whether an address has an account or not: only the job looks it up, so that neither
    an answer nor its time tells. `facts` is kept until the mail is pruned: no secret may be in it. Where no mail goes
    out, none waits.
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
    """A number below zero for a mailbox: strangers' mails take turns by it, so that many to one hold up no other."""
    return -int.from_bytes(security.token_hash(address.strip().lower())[:7], "big")


async def letter_of(session: WriteSession, mail_id: int) -> Letter | None:
    """What a mail says as of now; None if it was sent, or if there is nothing to say."""
    mail = await session.get(Mail, mail_id)
    return None if mail is None or mail.sent_at else await _writers[mail.kind](session, mail)


async def mail_sent(session: WriteSession, mail_id: int) -> None:
    """Writes that a mail is out."""
    await session.execute(update(Mail).where(Mail.id == mail_id).values(sent_at=func.now()))


async def mail_failed(session: WriteSession, mail_id: int, reason: str) -> None:
    """A mail that could not be sent is nobody's to repair: its job keeps the reason."""
    del session, mail_id, reason
