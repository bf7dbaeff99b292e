"""The definitions between which one can choose, because tools and studies differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from app.models.wildlife.observations import ObservationType

GAP_MINUTES = 60
OCCASION_DAYS = 7


class EffortMethod(Enum):
    """How the time is counted in which a camera watched.

    EXACT: The seconds from the start to the end of a deployment.
    NOON_TO_NOON: Days between the dates of the start and the end, as if it were set up and taken away at noon; a
        failure takes whole dates.
    DAYS_BY_FILES: The dates from the first to the last file, both counted; a failure takes whole dates.
    """

    EXACT = "EXACT"
    NOON_TO_NOON = "NOON_TO_NOON"
    DAYS_BY_FILES = "DAYS_BY_FILES"


class Station(Enum):
    """What counts as one place: a location with all of its cameras, or each deployment.

    LOCATION: A location with all of its cameras.
    DEPLOYMENT: Each deployment.
    """

    LOCATION = "LOCATION"
    DEPLOYMENT = "DEPLOYMENT"


class MeasuredFrom(Enum):
    """Where the gap to the next independent record is measured from.

    LAST_INDEPENDENT_RECORD: From the last record that was independent.
    LAST_RECORD: From the record before, so that an animal that stays is counted once, however long it stays.
    """

    LAST_INDEPENDENT_RECORD = "LAST_INDEPENDENT_RECORD"
    LAST_RECORD = "LAST_RECORD"


class Comparator(Enum):
    """Whether a record that is exactly the gap away is independent: AT_LEAST says yes, MORE_THAN says no.

    AT_LEAST: It is independent.
    MORE_THAN: It is not independent.
    """

    AT_LEAST = "AT_LEAST"
    MORE_THAN = "MORE_THAN"


class RateUnit(Enum):
    """What a rate counts.

    SEQUENCES: Sequences with the taxon.
    INDEPENDENT_RECORDS: Records that are independent of each other.
    INDIVIDUALS: The individuals of all sequences, see `EventCount`.
    """

    SEQUENCES = "SEQUENCES"
    INDEPENDENT_RECORDS = "INDEPENDENT_RECORDS"
    INDIVIDUALS = "INDIVIDUALS"


class EventCount(Enum):
    """How many individuals a sequence shows: the LARGEST count of one medium, or the SUM of the counts of all.

    LARGEST: The largest count of one medium.
    SUM: The sum of the counts of all media.
    """

    LARGEST = "LARGEST"
    SUM = "SUM"


class ClockTime(Enum):
    """Which clock gives the hour: LOCAL is the location's zone; by SOLAR time the sun is highest at 12:00.

    LOCAL: The location's time zone.
    SOLAR: Solar time: the sun is highest at 12:00.
    """

    LOCAL = "LOCAL"
    SOLAR = "SOLAR"


class OccasionStart(Enum):
    """Where the first occasion begins: at the first date of each STATION, or of the whole SURVEY.

    STATION: The first date of each station.
    SURVEY: The first date of the whole survey.
    """

    STATION = "STATION"
    SURVEY = "SURVEY"


@dataclass(frozen=True)
class Filter:
    """Which records and deployments count."""

    approved_only: bool = True
    include_setup: bool = False
    observation_types: Sequence[ObservationType] = (ObservationType.ANIMAL,)
    # With their synonyms and everything below them.
    species_ids: Sequence[int] | None = None
    deployment_ids: Sequence[int] | None = None
    recorded_from: datetime | None = None
    recorded_until: datetime | None = None
    confidence_min: float | None = None


@dataclass(frozen=True)
class Independence:
    """When two records of a taxon at a station are independent."""

    gap_minutes: float = GAP_MINUTES
    measured_from: MeasuredFrom = MeasuredFrom.LAST_INDEPENDENT_RECORD
    comparator: Comparator = Comparator.AT_LEAST
    station: Station = Station.LOCATION
