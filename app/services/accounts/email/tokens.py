"""Email tokens: signed tokens that prove that somebody reads the mail to an address.

Tokens are not stored. Each is signed for one purpose, expires, and is bound to an address. A token about an account is
also bound to its security stamp, which changes with every change of password or address, so each token works once.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from itsdangerous import BadSignature, SignatureExpired

from app.database import WriteSession
from app.errors import Invalid
from app.models.accounts import User
from app.security.signing import TimedSeal
from app.settings import settings


class Purpose(Enum):
    """The purpose of a token."""

    SIGN_UP = "sign-up"
    PASSWORD_RESET = "password-reset"  # noqa: S105
    EMAIL_VERIFICATION = "email-verification"


@dataclass(frozen=True)
class Proof:
    """A verified token: the address, and the account with its security stamp if there is one."""

    address: str
    user_id: int | None = None
    stamp: int | None = None


def lasts(purpose: Purpose) -> timedelta:
    """How long a token is valid."""
    return timedelta(
        minutes={
            Purpose.SIGN_UP: settings.sign_up_link_minutes,
            Purpose.PASSWORD_RESET: settings.password_reset_link_minutes,
            Purpose.EMAIL_VERIFICATION: settings.email_verification_link_minutes,
        }[purpose]
    )


def token_of(purpose: Purpose, address: str, user: User | None = None) -> str:
    """A token for an email to an address. Created when the email is written, so that only its reader has it."""
    claims = [address] if user is None else [address, user.id, user.security_stamp]
    return _seal(purpose).dumps(claims)


def proof_in(purpose: Purpose, token: str) -> Proof:
    """The content of a token; Invalid unless this installation signed it for this purpose and it has not expired."""
    try:
        return Proof(*_seal(purpose).loads(token, s_max=lasts(purpose).total_seconds()))
    except SignatureExpired:
        raise Invalid("token", "This link has expired. Request a new one.") from None
    except BadSignature:
        raise Invalid("token", "This link is not valid. Copy all of it, or request a new one.") from None


def _seal(purpose: Purpose) -> TimedSeal:
    return TimedSeal(f"accounts.{purpose.value}")


async def holder_of(session: WriteSession, proof: Proof) -> User:
    """The account of a token, locked: of two requests with the same token, the second finds it used."""
    user = await session.get(User, proof.user_id, with_for_update={"key_share": True}, populate_existing=True)
    if user is None or not user.is_active or user.security_stamp != proof.stamp:
        raise Invalid("token", "This link was already used, or the account has changed since. Request a new one.")
    return user
