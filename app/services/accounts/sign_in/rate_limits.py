"""How often somebody may try, counted for all processes: wrong secrets by who tries them, mails by who gets them.

Right passwords and links cost nothing, so that a class behind one network address can sign in; and what is refused for
another reason than a wrong secret spends no share of what can be had.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from uuid import uuid4

from itsdangerous import BadSignature
from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute

from app import checks, security
from app.policies import Viewer, signed_in
from app.rates import Rates, Share
from app.settings import settings
from app.signing import Seal

Paced = AbstractAsyncContextManager[None]


def device_token(email: str | None) -> str:
    """What a device is given when somebody signs in on it: with it, others' wrong passwords do not keep them out."""
    return Seal("device").dumps([_hidden(email or ""), uuid4().hex])


@asynccontextmanager
async def pace_sign_in(rates: Rates, *, email: str, address: str, device: str | None) -> AsyncIterator[None]:
    """A block that counts if it fails; passes while few wrong passwords were tried.

    A device on which somebody signed in before has a share of its own. Otherwise they are counted for an account from
    one address, from one address for any account, and for an account from all addresses at which nobody has signed in
    to it: whoever guesses from elsewhere keeps its owner out of none that they use.
    """
    account, what = _hidden(email), "Too many wrong passwords were tried."
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
    """Know an address from now on as one at which somebody signs in."""
    await rates.remember(f"{_hidden(email)}:{address}", days=settings.sign_in_addresses_known_days)


def _known_device(device: str | None, account: str) -> str | None:
    """The device's own name, if it was given for this account."""
    try:
        of, name = Seal("device").loads(device or "")
    except (BadSignature, TypeError, ValueError):
        return None
    return str(name) if of == account else None


@asynccontextmanager
async def pace_sign_up(rates: Rates, *, address: str) -> AsyncIterator[None]:
    """Passes while few accounts are made from one address, and few wrong tokens are tried."""
    limit = RateLimitItemPerHour(settings.sign_ups_per_hour_max)
    made = _shares(limit, "sign-up", None, address, what="Too many accounts were made from here.")
    tried = _shares(limit, "sign-up-token", None, address, what="Too many links were tried.")
    async with rates.spending(*made), rates.trying(*tried):
        yield


def pace_sign_up_request(rates: Rates, *, email: str, address: str) -> Paced:
    """Passes while few ask to sign up from one network address, and few mails go to one mailbox."""
    limit = RateLimitItemPerHour(settings.sign_up_requests_per_hour_max)
    what = "Too many mails were asked for from here."
    return rates.spending(*_shares(limit, "sign-up-request", None, address, what=what), _mail(email))


def pace_password_reset_request(rates: Rates, *, email: str, address: str) -> Paced:
    """Passes while few ask for new passwords from one network address, and few mails go to one mailbox."""
    limit = RateLimitItemPerHour(settings.password_reset_requests_per_hour_max)
    what = "Too many mails were asked for from here."
    return rates.spending(*_shares(limit, "password-reset-request", None, address, what=what), _mail(email))


def pace_password_reset(rates: Rates, *, address: str) -> Paced:
    """A block that counts if it fails; passes while few tokens are tried from one address."""
    limit = RateLimitItemPerHour(settings.password_resets_per_hour_max)
    return rates.trying(*_shares(limit, "password-reset", None, address, what="Too many links were tried."))


def pace_password_change(rates: Rates, viewer: Viewer, *, address: str) -> Paced:
    """A block that counts if it fails; passes while few passwords are tried in one session and from one address.

    A stolen session is no way to guess, and no way to keep its owner from changing the password in another.
    """
    signed_in(viewer)
    limit = RateLimitItemPerHour(settings.password_changes_per_hour_max)
    payer = f"session:{viewer.session_id}"
    return rates.trying(*_shares(limit, "password-change", payer, address, what="Too many passwords were tried."))


def pace_email_verification_request(rates: Rates, viewer: Viewer, *, email: str | None, address: str) -> Paced:
    """Passes while few mails are asked for by one account or from one network address, and few go to one mailbox."""
    limit = RateLimitItemPerHour(settings.email_verification_requests_per_hour_max)
    payer = f"account:{signed_in(viewer)}"
    shares = _shares(limit, "email-verification-request", payer, address, what="Too many mails were asked for.")
    return rates.spending(*shares, *([] if email is None else [_mail(email)]))


def pace_email_verification(rates: Rates, *, address: str) -> Paced:
    """A block that counts if it fails; passes while few tokens are tried from one address."""
    limit = RateLimitItemPerHour(settings.email_verifications_per_hour_max)
    return rates.trying(*_shares(limit, "email-verification", None, address, what="Too many links were tried."))


def _mail(email: str) -> Share:
    """Counted whether the address has an account or not: how often a stranger may write to somebody through us."""
    limit = RateLimitItemPerHour(settings.mails_to_one_address_per_hour_max)
    return Share(limit, f"mail:{_hidden(email)}", "Too many mails to this address were asked for.")


def _shares(limit: RateLimitItem, deed: str, payer: str | None, address: str, *, what: str) -> list[Share]:
    return [Share(limit, f"{deed}:{each}", what) for each in (payer, f"address:{address}") if each]


def _hidden(email: str) -> str:
    """Redis holds no addresses. However one is typed, it counts as the account or mailbox that it names."""
    return security.token_hash(checks.mailbox(email)).hex()
