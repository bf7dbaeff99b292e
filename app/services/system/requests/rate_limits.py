"""Hourly rate limits per account, and per network address."""

from contextlib import AbstractAsyncContextManager

from limits import RateLimitItemPerHour

from app.models.kinds import RateLimit
from app.policies import Viewer, signed_in
from app.rates import Rates, Share
from app.settings import settings


def account_max(limit: RateLimit) -> int:
    """How often per hour one account may do it."""
    most: int = getattr(settings, f"{limit.value}_per_hour_max")
    return most


def address_max(limit: RateLimit) -> int:
    """How often per hour one address may do it, which several people may share."""
    return account_max(limit) * settings.accounts_per_address_factor


def spending(limit: RateLimit, rates: Rates, viewer: Viewer, *, address: str) -> AbstractAsyncContextManager[None]:
    """A block that counts as one if it succeeds; refused if the account or the address has reached the limit."""
    name = limit.value
    payers = (account_max(limit), f"account:{signed_in(viewer)}"), (address_max(limit), f"address:{address}")
    shares = (
        Share(RateLimitItemPerHour(most), f"{name}:{payer}", f"The limit is {most} {name} per hour.")
        for most, payer in payers
    )
    return rates.spending(*shares)
