"""Rate limits for sign-in and email, shared by all processes: wrong secrets count per client, emails per receiver.

Correct passwords and links cost nothing, so that a class behind one network address can sign in. Requests refused for
another reason than a wrong secret are not counted.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from uuid import uuid4

from itsdangerous import BadSignature
from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute

from app import checks
from app.policies import Viewer, signed_in
from app.rates import Rates, Share
from app.security import credentials
from app.security.signing import Seal
from app.settings import settings

Paced = AbstractAsyncContextManager[None]


def device_token(email: str | None) -> str:
    """The device token of a successful sign-in: with it, wrong passwords from elsewhere do not lock the user out."""
    return Seal("device").dumps([_hidden(email or ""), uuid4().hex])


@asynccontextmanager
async def limit_sign_in(rates: Rates, *, email: str, address: str, device: str | None) -> AsyncIterator[None]:
    """A block that counts if it fails; refused after too many wrong passwords.

    A device with an earlier sign-in has a limit of its own. Otherwise wrong passwords are counted per account and
    address, per address, and per account over all addresses without an earlier sign-in to it: guessing from elsewhere
    does not lock the owner out.
    """
    account, what = _hidden(email), "Too many wrong passwords."
    pair = f"{account}:{address}"
    per_minute = RateLimitItemPerMinute(settings.sign_ins_per_minute_max)
    if known := _known_device(device, account):
        shares = [Share(per_minute, f"sign-in:device:{known}", what)]
    else:
        of_address = RateLimitItemPerMinute(settings.sign_ins_per_address_and_minute_max)
        shares = [
            Share(per_minute, f"sign-in:account:{pair}", what),
            Share(of_address, f"sign-in:address:{address}", what),
        ]
        if not await rates.remembers(pair):
            of_account = RateLimitItemPerHour(settings.sign_ins_elsewhere_per_hour_max)
            shares.append(Share(of_account, f"sign-in:elsewhere:{account}", what))
    async with rates.trying(*shares):
        yield
    await remember_address(rates, email=email, address=address)


async def remember_address(rates: Rates, *, email: str, address: str) -> None:
    """Remembers an address as one where the user signs in."""
    await rates.remember(f"{_hidden(email)}:{address}", days=settings.sign_in_addresses_known_days)


def _known_device(device: str | None, account: str) -> str | None:
    """The device's name, if its token was issued for this account."""
    try:
        of, name = Seal("device").loads(device or "")
    except (BadSignature, TypeError, ValueError):
        return None
    return str(name) if of == account else None


@asynccontextmanager
async def limit_sign_up(rates: Rates, *, address: str) -> AsyncIterator[None]:
    """Refused after too many new accounts or wrong tokens from one address."""
    limit = RateLimitItemPerHour(settings.sign_ups_per_hour_max)
    shares = _shares(limit, "sign-up", None, address, what="Too many accounts were created from this network address.")
    tried = _shares(limit, "sign-up-token", None, address, what="Too many invalid links were tried.")
    async with rates.spending(*shares), rates.trying(*tried):
        yield


def limit_sign_up_request(rates: Rates, *, email: str, address: str) -> Paced:
    """Refused after too many sign-up requests from one network address, or too many emails to one mailbox."""
    limit = RateLimitItemPerHour(settings.sign_up_requests_per_hour_max)
    what = "Too many emails were requested from this network address."
    return rates.spending(*_shares(limit, "sign-up-request", None, address, what=what), _mail(email))


def limit_password_reset_request(rates: Rates, *, email: str, address: str) -> Paced:
    """Refused after too many password requests from one network address, or too many emails to one mailbox."""
    limit = RateLimitItemPerHour(settings.password_reset_requests_per_hour_max)
    what = "Too many emails were requested from this network address."
    return rates.spending(*_shares(limit, "password-reset-request", None, address, what=what), _mail(email))


def limit_password_reset(rates: Rates, *, address: str) -> Paced:
    """A block that counts if it fails; refused after too many invalid tokens from one address."""
    limit = RateLimitItemPerHour(settings.password_resets_per_hour_max)
    return rates.trying(*_shares(limit, "password-reset", None, address, what="Too many invalid links were tried."))


def limit_password_change(rates: Rates, viewer: Viewer, *, address: str) -> Paced:
    """A block that counts if it fails; refused after too many wrong passwords in one session or from one address.

    A stolen session must neither allow guessing nor keep the owner from changing the password in another session.
    """
    signed_in(viewer)
    limit = RateLimitItemPerHour(settings.password_changes_per_hour_max)
    payer = f"session:{viewer.session_id}"
    return rates.trying(*_shares(limit, "password-change", payer, address, what="Too many wrong passwords."))


def limit_email_verification_request(rates: Rates, viewer: Viewer, *, email: str | None, address: str) -> Paced:
    """Refused after too many emails for one account, network address or mailbox."""
    limit = RateLimitItemPerHour(settings.email_verification_requests_per_hour_max)
    payer = f"account:{signed_in(viewer)}"
    shares = _shares(limit, "email-verification-request", payer, address, what="Too many emails were requested.")
    return rates.spending(*shares, *([] if email is None else [_mail(email)]))


def limit_email_verification(rates: Rates, *, address: str) -> Paced:
    """A block that counts if it fails; refused after too many invalid tokens from one address."""
    limit = RateLimitItemPerHour(settings.email_verifications_per_hour_max)
    return rates.trying(*_shares(limit, "email-verification", None, address, what="Too many invalid links were tried."))


def _mail(email: str) -> Share:
    """Counted whether or not the address has an account, since strangers could otherwise flood a mailbox."""
    limit = RateLimitItemPerHour(settings.mails_to_one_address_per_hour_max)
    return Share(limit, f"mail:{_hidden(email)}", "Too many emails to this address were requested.")


def _shares(limit: RateLimitItem, deed: str, payer: str | None, address: str, *, what: str) -> list[Share]:
    return [Share(limit, f"{deed}:{each}", what) for each in (payer, f"address:{address}") if each]


def _hidden(email: str) -> str:
    """Redis stores no addresses. Different spellings count as the account or mailbox they name."""
    return credentials.token_hash(checks.mailbox(email)).hex()
