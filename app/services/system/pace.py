"""How much of a kind one account may ask for in an hour, and all who come from one network address together."""

from enum import StrEnum

from limits import RateLimitItemPerHour

from app.policies import Viewer, signed_in
from app.rates import Rates
from app.settings import settings


class Pace(StrEnum):
    """What is counted together, granted or not; settings such as `trainings_per_hour_max` say how many."""

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

    async def take(self, rates: Rates, viewer: Viewer, *, address: str) -> None:
        """Counts one; passes while the account and the address have asked for few."""
        user_id = signed_in(viewer)
        for most, payer in (self.account_max, f"account:{user_id}"), (self.address_max, f"address:{address}"):
            limit = RateLimitItemPerHour(most)
            await rates.take(limit, f"{self.value}:{payer}", what=f"{most} {self.value} in an hour are enough.")
