"""Where the sun stands on each day of the year, for expressions in SQL: from astral, in arrays by the day."""

from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from astral import julian, sun

# In the middle between two leap years: another year differs by less than ten seconds of time.
YEAR = 2026
DAYS = 366


class Days(NamedTuple):
    """For each day of the year, the first at index 0."""

    # How much the sun is ahead of a clock, in minutes.
    equation_of_time_min: tuple[float, ...]
    declination_degrees: tuple[float, ...]


@lru_cache(maxsize=1)
def days() -> Days:
    """The whole year."""
    centuries = [
        julian.julianday_to_juliancentury(julian.julianday(date(YEAR, 1, 1) + timedelta(days=number)) + 0.5)
        for number in range(DAYS)
    ]
    return Days(
        tuple(sun.eq_of_time(century) for century in centuries),
        tuple(sun.sun_declination(century) for century in centuries),
    )
