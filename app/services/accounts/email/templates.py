"""What mails about accounts say. Whether an address has an account is asked here, where only its reader learns it."""

from datetime import timedelta

from app.database import WriteSession
from app.models.accounts import User
from app.models.kinds.accounts import AccountsMail
from app.models.system import Mail
from app.services.accounts.email.addresses import owner_of
from app.services.accounts.email.tokens import Purpose, lasts, token_of
from app.services.system.mail import Letter, writes
from app.settings import settings

NOTHING_TO_DO = "If it was not you, there is nothing to do: without this mail nobody can go on."


@writes(AccountsMail.SIGN_UP)
async def sign_up_letter(session: WriteSession, mail: Mail) -> Letter:
    """A link to go on, or that there is an account already."""
    if await owner_of(session, mail.address) is not None:
        return _letter(
            mail,
            "You have an account already",
            "Somebody, probably you, wants to sign up with this address, which has an account already.",
            f"Sign in with it. If you forgot the password, ask for a new one:\n{_page('reset-password')}",
            "If it was not you, there is nothing to do.",
        )
    token = token_of(Purpose.SIGN_UP, mail.address)
    return _letter(
        mail,
        "Finish signing up",
        "Somebody, probably you, wants to sign up with this address.",
        _ways(
            "sign-up",
            token,
            f'signUp(input: {{token: "{token}", username: "…", password: "…"}}) {{ ... on SignedIn {{ token }}',
            lasts(Purpose.SIGN_UP),
        ),
        NOTHING_TO_DO,
    )


@writes(AccountsMail.PASSWORD_RESET)
async def password_reset_letter(session: WriteSession, mail: Mail) -> Letter | None:
    """A link to choose a new password; nothing to somebody without an account, who did not ask for mails from us."""
    user = await owner_of(session, mail.address)
    if user is None or user.email is None:
        return None
    asked = f"Somebody, probably you, wants a new password for the account {user.username}."
    if not user.is_active:
        return _letter(mail, "This account is suspended", asked, "It is suspended, so that has to wait.")
    token = token_of(Purpose.PASSWORD_RESET, user.email, user)
    deed = f'resetPassword(input: {{token: "{token}", password: "…"}}) {{ ... on User {{ username }}'
    ways = _ways("reset-password", token, deed, lasts(Purpose.PASSWORD_RESET))
    return _letter(mail, "Choose a new password", asked, ways, NOTHING_TO_DO)


@writes(AccountsMail.EMAIL_VERIFICATION)
async def email_verification_letter(session: WriteSession, mail: Mail) -> Letter | None:
    """A link that makes the address an account's; to its owner, if it is another's, that somebody tried."""
    user = await session.get(User, mail.user_id)
    if user is None or not user.is_active:
        return None
    owner = await owner_of(session, mail.address)
    if owner is not None and owner.id != user.id:
        return _letter(
            mail,
            "Your address was given for another account",
            "Somebody gave this address for another account. It stays yours, and they were not told that it is.",
            "If it was you, give another address, or go on with the account that has this one.",
        )
    token = token_of(Purpose.EMAIL_VERIFICATION, mail.address, user)
    deed = f'verifyEmail(input: {{token: "{token}"}}) {{ ... on User {{ username }}'
    return _letter(
        mail,
        "Confirm your address",
        f"Somebody, probably you, says that this is the address of the account {user.username}.",
        _ways("verify-email", token, deed, lasts(Purpose.EMAIL_VERIFICATION)),
        NOTHING_TO_DO,
    )


@writes(AccountsMail.EMAIL_CHANGED)
async def email_changed_letter(session: WriteSession, mail: Mail) -> Letter:
    """To the address before: that there is another now."""
    user = await session.get_one(User, mail.user_id)
    return _letter(
        mail,
        "Your address was changed",
        f"The account {user.username} has another e-mail address now, and this one is its own no more.",
        "If it was not you, write to those who look after this installation at once.",
    )


@writes(AccountsMail.PASSWORD_CHANGED)
async def password_changed_letter(session: WriteSession, mail: Mail) -> Letter:
    """That there is a new password."""
    user = await session.get_one(User, mail.user_id)
    return _letter(
        mail,
        "Your password was changed",
        f"The account {user.username} has a new password. Wherever it was signed in before, it is signed out; "
        "its API keys are revoked, unless you chose to keep them.",
        f"If it was not you, choose another one at once, and revoke keys you do not know:\n{_page('reset-password')}",
    )


@writes(AccountsMail.ACCOUNT_DELETION)
async def account_deletion_letter(session: WriteSession, mail: Mail) -> Letter | None:
    """That the account will be deleted, and until when it can be kept; nothing if it is kept."""
    user = await session.get_one(User, mail.user_id)
    if user.account_deletion_due_at is None:
        return None
    return _letter(
        mail,
        "Your account will be deleted",
        f"Somebody, probably you, asked for the account {user.username} to be deleted. That will be done after "
        f"{user.account_deletion_due_at:%d %B %Y %H:%M} UTC. Datasets, models and published predictions stay, without "
        "your name.",
        f"To keep the account, sign in before and run this at {settings.address}/graphiql:\n"
        "mutation { cancelAccountDeletion { ... on User { accountDeletionDueAt } } }",
        f"If it was not you, choose another password as well:\n{_page('reset-password')}",
    )


def _letter(mail: Mail, subject: str, *parts: str) -> Letter:
    return Letter(mail.address, f"Fieldgraph: {subject}", "\n\n".join([*parts, settings.address]) + "\n")


def _ways(page: str, token: str, deed: str, held: timedelta) -> str:
    """How to go on: by a page, or by a mutation."""
    return (
        f"Go on here within {_in_words(held)}:\n{_page(page)}#token={token}\n\n"
        f"Or run this at {settings.address}/graphiql:\n"
        f"mutation {{ {deed} ... on Problem {{ message }} }} }}"
    )


def _page(name: str) -> str:
    return f"{settings.app_url or f'{settings.address}/account'}/{name}"


def _in_words(held: timedelta) -> str:
    hours = held / timedelta(hours=1)
    return f"{hours:g} hours" if hours > 1 else f"{held / timedelta(minutes=1):g} minutes"
