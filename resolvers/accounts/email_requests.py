"""Actions that send an email: sign-up, password reset, address verification."""

from app.models.accounts import User
from app.services.accounts.email import addresses, tokens
from app.services.accounts.email.requests import MailRequested
from app.services.accounts.email.tokens import Purpose
from app.services.accounts.sign_in import passwords, rate_limits, sign_ups
from app.services.accounts.sign_in.sessions import SignedIn
from resolvers.context import Info


async def request_sign_up(info: Info, email: str) -> MailRequested:
    """Sends an email with a token for `signUp`. The answer is the same if the address already has an account.

    email: The address to sign up with; not public.
    """
    rates, address = info.context.rates, info.context.address
    paced = rate_limits.limit_sign_up_request(rates, email=email, address=address)
    async with paced, info.context.writing() as session:
        return await sign_ups.request_sign_up(session, email=email)


async def sign_up(
    info: Info, token: str, username: str, password: str, first_name: str = "", last_name: str = ""
) -> SignedIn:
    """Creates an account and signs in.

    token: The token from the `requestSignUp` email, valid for {settings.sign_up_link_minutes}. It identifies the
        address.
    username: The public username; unique.
    password: At least {settings.password_length_min} characters, and hard to guess.
    first_name: Given name.
    last_name: Family name.
    """
    async with rate_limits.limit_sign_up(info.context.rates, address=info.context.address):
        proof = tokens.proof_in(Purpose.SIGN_UP, token)
        names = (username, first_name, last_name, proof.address)
        password_hash = await passwords.new_password_hash(password, names=names)
        async with info.context.writing() as session:
            user = await sign_ups.sign_up(
                session,
                proof=proof,
                username=username,
                password_hash=password_hash,
                first_name=first_name,
                last_name=last_name,
                device=info.context.device,
            )
    await rate_limits.remember_address(info.context.rates, email=proof.address, address=info.context.address)
    return user


async def request_password_reset(info: Info, email: str) -> MailRequested:
    """Sends an email with a token for `resetPassword`. The answer is the same if the address has no account.

    email: The account's address.
    """
    rates, address = info.context.rates, info.context.address
    paced = rate_limits.limit_password_reset_request(rates, email=email, address=address)
    async with paced, info.context.writing() as session:
        return await passwords.request_password_reset(session, email=email)


async def reset_password(info: Info, token: str, password: str) -> User:
    """Sets an account's password (also its first). Ends all its sessions and revokes its API keys.

    token: The token from the `requestPasswordReset` email; valid for {settings.password_reset_link_minutes}, single
        use.
    password: At least {settings.password_length_min} characters, and hard to guess.
    """
    async with rate_limits.limit_password_reset(info.context.rates, address=info.context.address):
        proof = tokens.proof_in(Purpose.PASSWORD_RESET, token)
        names = await passwords.names_of(info.context.database, proof.user_id)
        password_hash = await passwords.new_password_hash(password, names=names)
        async with info.context.writing() as session:
            return await passwords.reset_password(session, proof=proof, password_hash=password_hash)


async def change_password(info: Info, current_password: str, new_password: str, keep_api_keys: bool = False) -> User:
    """Changes the viewer's password. Ends all their other sessions and revokes their API keys.

    current_password: The current password.
    new_password: At least {settings.password_length_min} characters, and hard to guess.
    keep_api_keys: Whether API keys stay valid. Leave it out if somebody else may know the password.
    """
    viewer = info.context.viewer
    async with rate_limits.limit_password_change(info.context.rates, viewer, address=info.context.address):
        old_hash = await passwords.old_password_hash(info.context.database, viewer, password=current_password)
    names = await passwords.names_of(info.context.database, viewer.user_id)
    password_hash = await passwords.new_password_hash(new_password, names=names, field="newPassword")
    async with info.context.writing() as session:
        return await passwords.change_password(
            session, viewer, old_hash=old_hash, password_hash=password_hash, keeps_api_keys=keep_api_keys
        )


async def request_email_verification(
    info: Info, email: str | None = None, current_password: str | None = None
) -> MailRequested:
    """Sends an email with a token for `verifyEmail`, to verify the viewer's address or change it.

    email: The new address, if it changes. The answer is the same if another account uses it.
    current_password: The viewer's password; required to change the address if the account has a password.
    """
    viewer = info.context.viewer
    rates, address, password_hash = info.context.rates, info.context.address, None
    if current_password is not None:
        async with rate_limits.limit_password_change(rates, viewer, address=address):
            password_hash = await passwords.old_password_hash(info.context.database, viewer, password=current_password)
    paced = rate_limits.limit_email_verification_request(rates, viewer, email=email, address=address)
    async with paced, info.context.writing() as session:
        return await addresses.request_email_verification(session, viewer, email=email, password_hash=password_hash)


async def verify_email(info: Info, token: str) -> User:
    """Sets an account's email address and marks it as verified. Needs no sign-in.

    token: The token from the `requestEmailVerification` email; valid for {settings.email_verification_link_minutes},
        single use.
    """
    async with rate_limits.limit_email_verification(info.context.rates, address=info.context.address):
        proof = tokens.proof_in(Purpose.EMAIL_VERIFICATION, token)
        async with info.context.writing() as session:
            return await addresses.verify_email(session, proof=proof)
