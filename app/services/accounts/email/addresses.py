"""Addresses of mail: proven to be somebody's before they are theirs."""

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
    """A mail with a link to the viewer's address, or to one that is to be theirs.

    If it is another's already, the mail tells them, and nobody else learns it. `password_hash` is that of the password
    they have shown: whoever finds a session open does not take the account with it.
    """
    user = await session.get_one(User, signed_in(viewer))
    address = user.email if email is None else checks.email("email", email)
    if address is None:
        raise Invalid("email", "Say which address is to be yours.")
    if address == user.email and user.email_verified:
        raise Conflict("This address is proven to be yours already.")
    if address != user.email and user.password_hash != password_hash:
        raise Invalid("currentPassword", "Give your password, too: mails to this address will open your account.")
    audit.record(session, user.id, "requestEmailVerification", about=user)
    return await request_mail(session, AccountsMail.EMAIL_VERIFICATION, email=address, user_id=user.id)


async def verify_email(session: WriteSession, *, proof: Proof) -> User:
    """The address becomes the account's and is proven; the one before is told."""
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
    """The account that has an address, in capitals or not."""
    return await session.scalar(select(User).where(func.lower(User.email) == func.lower(address)))
