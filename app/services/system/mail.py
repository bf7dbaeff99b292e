"""Mails to be sent: asked for in the transaction of what they tell of, written and sent by a job."""

from typing import Any

from app.database import WriteSession
from app.models import JobKind, Mail, MailKind
from app.queue import enqueue


async def post(
    session: WriteSession, kind: MailKind, *, address: str, user_id: int | None = None, **facts: Any
) -> None:
    """Has a mail sent once this transaction is committed.

    To be called in the same way whether an address has an account or not: only the job looks it up, so that neither
    an answer nor its time tells. `facts` is kept until the mail is pruned: no secret may be in it.
    """
    mail = Mail(kind=kind, address=address, user_id=user_id, facts=facts)
    session.add(mail)
    await session.flush()
    await enqueue(session, JobKind.SEND_MAIL, subject_id=mail.id, user_id=None)
