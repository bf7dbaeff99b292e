"""Emails about accounts. Whether an address has an account is looked up here, where only the reader learns it."""

from datetime import timedelta

from app.database import WriteSession
from app.models.accounts import User
from app.models.kinds.accounts import AccountsMail
from app.models.system import Mail
from app.services.accounts.email.addresses import owner_of
from app.services.accounts.email.tokens import Purpose, lasts, token_of
from app.services.accounts.pages import page_url
from app.services.system.mail import Letter, writes
from app.settings import settings

NOTHING_TO_DO = "If this was not you, ignore this email: nothing changes without it."


@writes(AccountsMail.SIGN_UP)
async def sign_up_letter(session: WriteSession, mail: Mail) -> Letter:
    """A link to finish sign-up, or a note that the address already has an account."""
    if await owner_of(session, mail.address) is not None:
        return _letter(
            mail,
            "You already have an account",
            "Somebody, probably you, tried to sign up with this address. It already has an account.",
            f"Sign in with it. If you forgot the password, request a new one:\n{page_url('reset-password')}",
            "If this was not you, ignore this email.",
        )
    token = token_of(Purpose.SIGN_UP, mail.address)
    return _letter(
        mail,
        "Finish your sign-up",
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
    """A link to choose a new password. No email to addresses without an account."""
    user = await owner_of(session, mail.address)
    if user is None or user.email is None:
        return None
    intro = f"Somebody, probably you, requested a new password for the account {user.username}."
    if not user.is_active:
        return _letter(
            mail,
            "Your account is suspended",
            intro,
            "Your account is suspended, so the password cannot be changed now. Contact the operators "
            "of this installation.",
        )
    token = token_of(Purpose.PASSWORD_RESET, user.email, user)
    deed = f'resetPassword(input: {{token: "{token}", password: "…"}}) {{ ... on User {{ username }}'
    ways = _ways("reset-password", token, deed, lasts(Purpose.PASSWORD_RESET))
    return _letter(mail, "Choose a new password", intro, ways, NOTHING_TO_DO)


@writes(AccountsMail.EMAIL_VERIFICATION)
async def email_verification_letter(session: WriteSession, mail: Mail) -> Letter | None:
    """A link that verifies an address; if another account has it, a note to that account's owner."""
    user = await session.get(User, mail.user_id)
    if user is None or not user.is_active:
        return None
    owner = await owner_of(session, mail.address)
    if owner is not None and owner.id != user.id:
        return _letter(
            mail,
            "Your address was entered for another account",
            "Somebody entered this address for another account. It remains yours, and they were "
            "not told that it has an account.",
            "If this was you, enter a different address, or use the account that has this one.",
        )
    token = token_of(Purpose.EMAIL_VERIFICATION, mail.address, user)
    deed = f'verifyEmail(input: {{token: "{token}"}}) {{ ... on User {{ username }}'
    return _letter(
        mail,
        "Confirm your email address",
        f"Somebody, probably you, entered this address for the account {user.username}.",
        _ways("verify-email", token, deed, lasts(Purpose.EMAIL_VERIFICATION)),
        NOTHING_TO_DO,
    )


@writes(AccountsMail.EMAIL_CHANGED)
async def email_changed_letter(session: WriteSession, mail: Mail) -> Letter:
    """To the previous address: the account now has another one."""
    user = await session.get_one(User, mail.user_id)
    return _letter(
        mail,
        "Your email address was changed",
        f"The account {user.username} now has a different email address. This address no longer belongs to it.",
        "If this was not you, contact the operators of this installation at once.",
    )


@writes(AccountsMail.PASSWORD_CHANGED)
async def password_changed_letter(session: WriteSession, mail: Mail) -> Letter:
    """That the password was changed."""
    user = await session.get_one(User, mail.user_id)
    return _letter(
        mail,
        "Your password was changed",
        f"The account {user.username} has a new password. All other sessions were signed out. Its "
        "API keys were revoked, unless you chose to keep them.",
        "If this was not you, choose a new password at once and revoke API keys you do not "
        f"know:\n{page_url('reset-password')}",
    )


@writes(AccountsMail.ACCOUNT_DELETION)
async def account_deletion_letter(session: WriteSession, mail: Mail) -> Letter | None:
    """That the account will be deleted, and until when this can be cancelled; no email if it was cancelled."""
    user = await session.get_one(User, mail.user_id)
    if user.account_deletion_due_at is None:
        return None
    return _letter(
        mail,
        "Your account will be deleted",
        f"Somebody, probably you, requested the deletion of the account {user.username}. It will be "
        f"deleted after {user.account_deletion_due_at:%d %B %Y %H:%M} UTC. Datasets, models and "
        "published predictions remain, without your name.",
        "To keep the account, sign in before then and run this at "
        f"{settings.address}/graphiql:\nmutation "
        f"{{ cancelAccountDeletion {{ ... on User {{ accountDeletionDueAt }} }} }}",
        f"If this was not you, choose a new password as well:\n{page_url('reset-password')}",
    )


def _letter(mail: Mail, subject: str, *parts: str) -> Letter:
    return Letter(mail.address, f"Fieldgraph: {subject}", "\n\n".join([*parts, settings.address]) + "\n")


def _ways(page: str, token: str, deed: str, held: timedelta) -> str:
    """How to continue: with a page, or with a mutation."""
    return (
        f"Continue here within {_in_words(held)}:\n{page_url(page, token)}\n\nOr run this at "
        f"{settings.address}/graphiql:\nmutation {{ {deed} ... on Problem {{ message }} }} }}"
    )


def _in_words(held: timedelta) -> str:
    hours = held / timedelta(hours=1)
    return f"{hours:g} hours" if hours > 1 else f"{held / timedelta(minutes=1):g} minutes"
