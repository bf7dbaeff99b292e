"""Proofs: signed tokens that go out in mails and show that somebody reads them.

None is kept. Each is signed for one purpose, ends after a while, and is bound to an address; one about an account is
bound to its security stamp, too, which rises whenever the password or the address changes, so it is used once.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from itsdangerous import BadSignature, SignatureExpired

from app.database import WriteSession
from app.errors import Invalid
from app.models.accounts import User
from app.settings import settings
from app.signing import TimedSeal


class Purpose(Enum):
    """What a proof is good for."""

    SIGN_UP = "sign-up"
    PASSWORD_RESET = "password-reset"  # noqa: S105
    EMAIL_VERIFICATION = "email-verification"


@dataclass(frozen=True)
class Proof:
    """That somebody reads the mails to an address; of an account's holder, when it was as its stamp says."""

    address: str
    user_id: int | None = None
    stamp: int | None = None


def lasts(purpose: Purpose) -> timedelta:
    """How long a proof holds."""
    return timedelta(
        minutes={
            Purpose.SIGN_UP: settings.sign_up_link_minutes,
            Purpose.PASSWORD_RESET: settings.password_reset_link_minutes,
            Purpose.EMAIL_VERIFICATION: settings.email_verification_link_minutes,
        }[purpose]
    )


def token_of(purpose: Purpose, address: str, user: User | None = None) -> str:
    """A token for a mail to an address. Made when the mail is written, so that only its reader has it."""
    claims = [address] if user is None else [address, user.id, user.security_stamp]
    return _seal(purpose).dumps(claims)


def proof_in(purpose: Purpose, token: str) -> Proof:
    """What a token proves; Invalid unless this installation made it for this purpose, not too long ago."""
    try:
        return Proof(*_seal(purpose).loads(token, s_max=lasts(purpose).total_seconds()))
    except SignatureExpired:
        raise Invalid("token", "This link has expired. Ask for a new one.") from None
    except BadSignature:
        raise Invalid("token", "This is no such link. Copy it as a whole, or ask for a new one.") from None


def _seal(purpose: Purpose) -> TimedSeal:
    return TimedSeal(f"accounts.{purpose.value}")


async def holder_of(session: WriteSession, proof: Proof) -> User:
    """The account a proof is about, locked: of two who bring the same proof the second finds it used."""
    user = await session.get(User, proof.user_id, with_for_update={"key_share": True}, populate_existing=True)
    if user is None or not user.is_active or user.security_stamp != proof.stamp:
        raise Invalid("token", "This link was used already, or the account changed since. Ask for a new one.")
    return user
