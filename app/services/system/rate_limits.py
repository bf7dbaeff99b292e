"""Hourly limits per account, and per network address."""

from contextlib import AbstractAsyncContextManager
from enum import StrEnum

from limits import RateLimitItemPerHour

from app.policies import Viewer, signed_in
from app.rates import Rates, Share
from app.settings import settings


class Pace(StrEnum):
    """What is counted together once it succeeds; settings such as `trainings_per_hour_max` hold the limits."""

    TRAININGS = "trainings"
    PREDICTIONS = "predictions"
    INSPECTIONS = "inspections"
    JOBS = "jobs"
    UPLOADS = "uploads"

    @property
    def account_max(self) -> int:
        """The hourly limit of an account."""
        most: int = getattr(settings, f"{self.value}_per_hour_max")
        return most

    @property
    def address_max(self) -> int:
        """The hourly limit of an address, which several people may share."""
        return self.account_max * settings.accounts_per_address_factor

    def spending(self, rates: Rates, viewer: Viewer, *, address: str) -> AbstractAsyncContextManager[None]:
        """A block that counts as one if it succeeds; refused if the account or the address has reached the limit."""
        what = f"The limit is {{}} {self.value} per hour."
        payers = (self.account_max, f"account:{signed_in(viewer)}"), (self.address_max, f"address:{address}")
        shares = (
            Share(RateLimitItemPerHour(most), f"{self.value}:{payer}", what.format(most)) for most, payer in payers
        )
        return rates.spending(*shares)
