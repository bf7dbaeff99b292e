"""Verification and change of email addresses."""

from sqlalchemy import func, select

from app import checks
from app.database import WriteSession
from app.errors import Conflict, Invalid
from app.models.accounts import User
from app.models.kinds.accounts import AccountsMail
from app.policies import Viewer, signed_in
from app.services.accounts.email.requests import MailRequested, request_mail
from app.services.accounts.email.tokens import Proof, holder_of
from app.services.system import audit, mail


async def request_email_verification(
    session: WriteSession, viewer: Viewer, *, email: str | None, password_hash: str | None
) -> MailRequested:
    """Sends an email with a link to the viewer's address, or to a new address.

    If another account has the new address, the email goes to its owner and nobody else learns of it. `password_hash` is
    the hash of the password they entered, so that an open session alone is not enough to take over the account.
    """
    user = await session.get_one(User, signed_in(viewer))
    address = user.email if email is None else checks.email("email", email)
    if address is None:
        raise Invalid("email", "Enter the new email address.")
    if address == user.email and user.email_verified:
        raise Conflict("This email address is already verified.")
    if address != user.email and user.password_hash != password_hash:
        raise Invalid(
            "currentPassword", "Enter your password as well: whoever reads email to this address can open your account."
        )
    audit.record(session, user.id, "requestEmailVerification", about=user)
    return await request_mail(session, AccountsMail.EMAIL_VERIFICATION, email=address, user_id=user.id)


async def verify_email(session: WriteSession, *, proof: Proof) -> User:
    """Sets and verifies the account's address, and informs the previous one."""
    user = await holder_of(session, proof)
    before, user.email = user.email, proof.address
    user.email_verified = True
    user.security_stamp += 1
    await session.flush()
    if before is not None and before.lower() != proof.address.lower():
        await mail.post(session, AccountsMail.EMAIL_CHANGED, address=before, user_id=user.id)
    audit.record(session, user.id, "verifyEmail", about=user)
    return user


async def owner_of(session: WriteSession, address: str) -> User | None:
    """The account with an address, ignoring case."""
    return await session.scalar(select(User).where(func.lower(User.email) == func.lower(address)))
