"""Mails that people ask for: the answer is the same whoever has the address."""

from dataclasses import dataclass

from app import checks
from app.database import WriteSession
from app.models.kinds import MailKind
from app.services.system import mail


@dataclass(frozen=True)
class MailRequested:
    """A mail is on its way to an address; what it says, only its reader learns."""

    email: str


async def request_mail(
    session: WriteSession, kind: MailKind, *, email: str, user_id: int | None = None
) -> MailRequested:
    """Has a mail sent to an address that somebody typed."""
    mail.require_mail()
    address = checks.email("email", email)
    await mail.post(session, kind, address=address, user_id=user_id)
    return MailRequested(address)
