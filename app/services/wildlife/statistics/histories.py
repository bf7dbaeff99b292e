"""Detection histories: on which occasions a taxon was seen at which station, and how long the cameras watched."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, timedelta

from app.services.wildlife.statistics.choices import OccasionStart, Station


@dataclass(frozen=True)
class Watched:
    """A station: the first and the last date on which it was to watch, and the share of each date on which it did."""

    station: Station
    station_id: int
    name: str
    first: date
    last: date
    effort: Mapping[date, float]


@dataclass(frozen=True)
class StationHistory:
    """A row of a detection history."""

    station: Station
    station_id: int
    name: str
    first_date: date
    # 1 if it was seen, 0 if not, None if nobody watched.
    detections: Sequence[int | None]
    effort_days: Sequence[float | None]


@dataclass(frozen=True)
class History:
    """A detection history, and the number of dates on which it was seen while, by the deployments, nobody watched."""

    occasion_days: int
    occasions: int
    stations: Sequence[StationHistory]
    unwatched_dates: int


def history(
    stations: Sequence[Watched],
    seen: Mapping[int, AbstractSet[date]],
    *,
    occasion_days: int,
    start: OccasionStart,
    effort_days_min: float,
) -> History:
    """Occasions of so many dates for each station, from its own first date or from that of the whole survey."""
    survey = min((station.first for station in stations), default=None)
    rows, unwatched = [], 0
    for station in stations:
        first = station.first if start is OccasionStart.STATION or survey is None else survey
        dates = seen.get(station.station_id, frozenset())
        unwatched += sum(not station.effort.get(day) for day in dates)
        rows.append(_row(station, first, dates, occasion_days, effort_days_min))
    count = max((len(row.detections) for row in rows), default=0)
    return History(occasion_days, count, [_filled(row, count) for row in rows], unwatched)


def _row(
    station: Watched, first: date, dates: AbstractSet[date], occasion_days: int, effort_days_min: float
) -> StationHistory:
    occasions = (station.last - first).days // occasion_days + 1
    effort, detected = [0.0] * occasions, [0] * occasions
    for day, share in station.effort.items():
        place = (day - first).days // occasion_days
        if 0 <= place < occasions:
            effort[place] += share
            detected[place] |= int(day in dates)
    watched = [share > 0 and share >= effort_days_min for share in effort]
    return StationHistory(
        station.station,
        station.station_id,
        station.name,
        first,
        [seen if is_watched else None for seen, is_watched in zip(detected, watched, strict=True)],
        [round(share, 6) if is_watched else None for share, is_watched in zip(effort, watched, strict=True)],
    )


def _filled(row: StationHistory, count: int) -> StationHistory:
    """A row as long as the longest: afterwards nobody watched."""
    missing: list[None] = [None] * (count - len(row.detections))
    return StationHistory(
        row.station, row.station_id, row.name, row.first_date, [*row.detections, *missing], [*row.effort_days, *missing]
    )


def occasion_dates(row: StationHistory, number: int, occasion_days: int) -> tuple[date, date]:
    """The first and the last date of an occasion, counted from 0."""
    first = row.first_date + timedelta(days=number * occasion_days)
    return first, first + timedelta(days=occasion_days - 1)
