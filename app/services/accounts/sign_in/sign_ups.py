"""Sign-up. The address is verified first, so that nobody learns who has an account."""

from app import checks
from app.database import WriteSession
from app.errors import Invalid
from app.identifiers import is_reserved, mixes_scripts, precis, skeleton
from app.limits.accounts import PERSON_NAME_LENGTH_MAX, USERNAME_LENGTH_MAX
from app.models.accounts import User
from app.models.kinds.accounts import AccountsMail
from app.services.accounts.email.requests import MailRequested, request_mail
from app.services.accounts.email.tokens import Proof
from app.services.accounts.sign_in.sessions import Device, SignedIn, open_session
from app.services.accounts.users.usernames import keep_clear_of_former
from app.services.system import audit

# The usernames of deleted accounts.
DELETED = "deleted-"


async def request_sign_up(session: WriteSession, *, email: str) -> MailRequested:
    """Sends an email with a link to finish sign-up, or a note that the address already has an account."""
    return await request_mail(session, AccountsMail.SIGN_UP, email=email)


async def sign_up(
    session: WriteSession,
    *,
    proof: Proof,
    username: str,
    password_hash: str,
    first_name: str,
    last_name: str,
    device: Device,
) -> SignedIn:
    """Creates an account with the verified address and signs in."""
    user = await create_account(
        session,
        email=proof.address,
        username=checked_username(username),
        password_hash=password_hash,
        first_name=first_name,
        last_name=last_name,
    )
    audit.record(session, user.id, "signUp", about=user)
    return await open_session(session, user, device)


async def create_account(
    session: WriteSession, *, email: str, username: str, password_hash: str, first_name: str = "", last_name: str = ""
) -> User:
    """Creates an account with a verified address. The caller records the reason in the audit log."""
    user = User(
        email=checks.email("email", email),
        email_verified=True,
        username=checked_username(username, is_reserved_too=True),
        first_name=checked_name("firstName", first_name),
        last_name=checked_name("lastName", last_name),
        password_hash=password_hash,
    )
    session.add(user)
    await session.flush()
    await keep_clear_of_former(session, user)
    return user


def checked_username(value: str, *, is_reserved_too: bool = False) -> str:
    """A valid username; operators may choose a reserved one."""
    username = precis(checks.public_name("username", value, length_max=USERNAME_LENGTH_MAX))
    if username is None:
        raise Invalid("username", "Use letters, digits and simple signs, with single spaces between words.")
    if mixes_scripts(username):
        raise Invalid(
            "username", "Use letters of one script only, because letters of different scripts can look alike."
        )
    if skeleton(username).startswith(skeleton(DELETED)):
        raise Invalid("username", f"Names that begin with {DELETED} are reserved for deleted accounts. Choose another.")
    if is_reserved(username) and not is_reserved_too:
        raise Invalid("username", "This name, or one that looks like it, is reserved. Choose another.")
    return username


def checked_name(field: str, value: str | None) -> str:
    """A given or family name; blank clears it."""
    return checks.optional_public_name(field, value, length_max=PERSON_NAME_LENGTH_MAX) or ""
