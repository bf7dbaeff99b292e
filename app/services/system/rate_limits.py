"""How much of a kind one account may ask for in an hour, and all who come from one network address together."""

from contextlib import AbstractAsyncContextManager
from enum import StrEnum

from limits import RateLimitItemPerHour

from app.policies import Viewer, signed_in
from app.rates import Rates, Share
from app.settings import settings


class Pace(StrEnum):
    """What is counted together once it is granted; settings such as `trainings_per_hour_max` say how many."""

    TRAININGS = "trainings"
    PREDICTIONS = "predictions"
    INSPECTIONS = "inspections"
    JOBS = "jobs"
    UPLOADS = "uploads"

    @property
    def account_max(self) -> int:
        """How many an account may ask for in an hour."""
        most: int = getattr(settings, f"{self.value}_per_hour_max")
        return most

    @property
    def address_max(self) -> int:
        """How many an address may ask for in an hour: several people may share it."""
        return self.account_max * settings.accounts_per_address_factor

    def spending(self, rates: Rates, viewer: Viewer, *, address: str) -> AbstractAsyncContextManager[None]:
        """A block that counts as one if it succeeds; passes while the account and the address have had few."""
        what = f"{{}} {self.value} in an hour are enough."
        payers = (self.account_max, f"account:{signed_in(viewer)}"), (self.address_max, f"address:{address}")
        shares = (
            Share(RateLimitItemPerHour(most), f"{self.value}:{payer}", what.format(most)) for most, payer in payers
        )
        return rates.spending(*shares)
