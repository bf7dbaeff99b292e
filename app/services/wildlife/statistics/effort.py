"""How long cameras watched: the time of deployments without their failures, by any of three conventions."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from app.services.wildlife.statistics.choices import EffortMethod

DAY = timedelta(days=1)
DAY_S = DAY.total_seconds()
NOON = time(12)

Period = tuple[datetime, datetime]


@dataclass(frozen=True)
class Operation:
    """When a camera was to watch, when it failed, and which files it wrote first and last."""

    deployment_id: int
    location_id: int
    deployment_name: str
    location_name: str
    zone: tzinfo
    start: datetime
    end: datetime
    failures: Sequence[Period] = ()
    files: Period | None = None


def periods(operation: Operation, method: EffortMethod) -> list[Period]:
    """The times in which a camera watched: instants if they are exact, otherwise times of the location's clock."""
    if method is EffortMethod.EXACT:
        whole, failed = _instants((operation.start, operation.end)), list(map(_instants, operation.failures))
    else:
        zone = operation.zone
        failed = [_dates(failure, zone) for failure in operation.failures]
        if method is EffortMethod.DAYS_BY_FILES:
            if operation.files is None:
                return []
            whole = _dates(operation.files, zone)
        else:
            first, last = (_local(instant, zone).date() for instant in (operation.start, operation.end))
            whole = datetime.combine(first, NOON), datetime.combine(last, NOON)
    return without([whole], failed)


def unfailing(operation: Operation) -> Operation:
    """The same camera as if it had never failed."""
    return replace(operation, failures=())


def without(whole: Sequence[Period], failed: Sequence[Period]) -> list[Period]:
    """Periods without the parts in which others lie."""
    left = [period for period in whole if period[0] < period[1]]
    for start, end in failed:
        left = [
            part for before, after in left for part in ((before, min(after, start)), (max(before, end), after))
            if part[0] < part[1]
        ]  # fmt: skip
    return left


def within(whole: Iterable[Period], start: datetime | None, end: datetime | None) -> list[Period]:
    """The parts of periods between two instants."""
    clipped = [(max(before, start) if start else before, min(after, end) if end else after) for before, after in whole]
    return [period for period in clipped if period[0] < period[1]]


def seconds(parts: Iterable[Period]) -> float:
    """How long periods are together."""
    return sum((end - start).total_seconds() for start, end in parts)


def first_date(operation: Operation, method: EffortMethod) -> date | None:
    """The first date, by the location's clock, of which any part was watched or was to be."""
    if method is EffortMethod.DAYS_BY_FILES:
        return operation.files and _local(operation.files[0], operation.zone).date()
    return _local(operation.start, operation.zone).date()


def last_date(operation: Operation, method: EffortMethod) -> date | None:
    """The last date that was watched or was to be."""
    if method is EffortMethod.DAYS_BY_FILES:
        return operation.files and _local(operation.files[1], operation.zone).date()
    return _local(operation.end - timedelta(microseconds=1), operation.zone).date()


def by_date(operation: Operation, method: EffortMethod) -> dict[date, float]:
    """The share of each date that was watched, from 0 to 1; of an exact one, of its seconds."""
    days: dict[date, float] = defaultdict(float)
    zone = operation.zone if method is EffortMethod.EXACT else None
    for start, end in periods(operation, method):
        day = (_local(start, zone) if zone else start).date()
        while True:
            midnight, next_midnight = (_midnight(each, zone) for each in (day, day + DAY))
            if midnight >= end:
                break
            part = min(end, next_midnight) - max(start, midnight)
            # A date on which the clock is changed has 23 or 25 hours: effort is counted in days of 24.
            days[day] += part.total_seconds() / DAY_S
            day += DAY
    return dict(days)


def _midnight(day: date, zone: tzinfo | None) -> datetime:
    """The beginning of a date: an instant if a zone is given."""
    naive = datetime.combine(day, time())
    return naive.replace(tzinfo=zone).astimezone(UTC) if zone else naive


def _dates(period: Period, zone: tzinfo) -> Period:
    """From the beginning of the first date to the end of the last."""
    first, last = (_local(instant, zone).date() for instant in period)
    return datetime.combine(first, time()), datetime.combine(last + DAY, time())


def _instants(period: Period) -> Period:
    # Python subtracts times of one zone by their clock, whatever happened to it in between.
    return period[0].astimezone(UTC), period[1].astimezone(UTC)


def _local(instant: datetime, zone: tzinfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)
