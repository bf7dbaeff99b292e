"""Emails on request. The answer is the same whether or not the address has an account."""

from dataclasses import dataclass

from app import checks
from app.database import WriteSession
from app.models.kinds import MailKind
from app.services.system import mail


@dataclass(frozen=True)
class MailRequested:
    """An email is on its way to an address; only its reader learns what it says."""

    email: str


async def request_mail(
    session: WriteSession, kind: MailKind, *, email: str, user_id: int | None = None
) -> MailRequested:
    """Sends an email to an address that a user entered."""
    mail.require_mail()
    address = checks.email("email", email)
    await mail.post(session, kind, address=address, user_id=user_id)
    return MailRequested(address)
