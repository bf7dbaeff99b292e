"""How often somebody may try: counted by account or address of mail, and by network address, for all processes."""

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute

from app import security
from app.policies import Viewer, signed_in
from app.rates import Rates
from app.settings import settings


async def pace_sign_in(rates: Rates, *, email: str, address: str) -> None:
    """Passes while few passwords are tried: for one account from anywhere, and from one address for any account."""
    limit = RateLimitItemPerMinute(settings.sign_ins_per_minute_max)
    await _take(rates, limit, "sign-in", f"account:{_hidden(email)}", address, what="Too many sign-ins were tried.")


async def pace_sign_up(rates: Rates, *, address: str) -> None:
    """Passes while few accounts are made from one address."""
    limit = RateLimitItemPerHour(settings.sign_ups_per_hour_max)
    await _take(rates, limit, "sign-up", None, address, what="Too many accounts were made from here.")


async def pace_sign_up_request(rates: Rates, *, email: str, address: str) -> None:
    """Passes while few ask to sign up from one network address, and few mails go to one mailbox."""
    limit = RateLimitItemPerHour(settings.sign_up_requests_per_hour_max)
    await _take(rates, limit, "sign-up-request", None, address, what="Too many mails were asked for from here.")
    await _pace_mails(rates, email)


async def pace_password_reset_request(rates: Rates, *, email: str, address: str) -> None:
    """Passes while few ask for new passwords from one network address, and few mails go to one mailbox."""
    limit = RateLimitItemPerHour(settings.password_reset_requests_per_hour_max)
    await _take(rates, limit, "password-reset-request", None, address, what="Too many mails were asked for from here.")
    await _pace_mails(rates, email)


async def pace_password_reset(rates: Rates, *, address: str) -> None:
    """Passes while few tokens are tried from one address."""
    limit = RateLimitItemPerHour(settings.password_resets_per_hour_max)
    await _take(rates, limit, "password-reset", None, address, what="Too many links were tried.")


async def pace_password_change(rates: Rates, viewer: Viewer, *, address: str) -> None:
    """Passes while few passwords are tried: a stolen session is no way to guess."""
    limit = RateLimitItemPerHour(settings.password_changes_per_hour_max)
    payer = f"account:{signed_in(viewer)}"
    await _take(rates, limit, "password-change", payer, address, what="Too many passwords were tried.")


async def pace_email_verification_request(rates: Rates, viewer: Viewer, *, email: str | None, address: str) -> None:
    """Passes while few mails are asked for by one account or from one network address, and few go to one mailbox."""
    limit = RateLimitItemPerHour(settings.email_verification_requests_per_hour_max)
    payer = f"account:{signed_in(viewer)}"
    await _take(rates, limit, "email-verification-request", payer, address, what="Too many mails were asked for.")
    if email is not None:
        await _pace_mails(rates, email)


async def pace_email_verification(rates: Rates, *, address: str) -> None:
    """Passes while few tokens are tried from one address."""
    limit = RateLimitItemPerHour(settings.email_verifications_per_hour_max)
    await _take(rates, limit, "email-verification", None, address, what="Too many links were tried.")


async def _pace_mails(rates: Rates, email: str) -> None:
    """Counted whether the address has an account or not: how often a stranger may write to somebody through us."""
    limit = RateLimitItemPerHour(settings.mails_to_one_address_per_hour_max)
    await rates.take(limit, f"mail:{_hidden(email)}", what="Too many mails to this address were asked for.")


async def _take(rates: Rates, limit: RateLimitItem, deed: str, payer: str | None, address: str, *, what: str) -> None:
    for each in filter(None, (payer, f"address:{address}")):
        await rates.take(limit, f"{deed}:{each}", what=what)


def _hidden(email: str) -> str:
    """Redis holds no addresses."""
    return security.token_hash(email.strip().lower()).hex()
