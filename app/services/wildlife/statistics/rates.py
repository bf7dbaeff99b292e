"""Detection rates: how often a taxon was seen at a station, for a hundred days of effort."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import CTE, ColumnElement, Date, Select, cast, func, literal_column, select, union_all

from app.database import ReadSession
from app.models.wildlife.deployments import Location
from app.services.wildlife.statistics.choices import EffortMethod, EventCount, Filter, Independence, RateUnit
from app.services.wildlife.statistics.independence import marked
from app.services.wildlife.statistics.operations import StationEffort, operations, station_efforts
from app.services.wildlife.statistics.records import individuals_of_event, local, records, station_of

PER_DAYS = 100
NUMBERS = ("records", "sequences", "independent", "individuals", "days_seen")


@dataclass(frozen=True)
class DetectionRate:
    """How often a taxon was seen at a station, and its rate for 100 days of effort (RAI)."""

    species_id: int | None
    observation_type: str
    station: StationEffort
    unit: RateUnit
    records: int
    sequences: int
    independent: int
    individuals: int
    # Dates with a record, by the location's clock.
    days_seen: int

    @property
    def rate(self) -> float | None:
        """100 × n / effort in days; null without effort."""
        n = {
            RateUnit.SEQUENCES: self.sequences,
            RateUnit.INDEPENDENT_RECORDS: self.independent,
            RateUnit.INDIVIDUALS: self.individuals,
        }[self.unit]
        return PER_DAYS * n / self.station.days if self.station.seconds > 0 else None


async def detection_rates(
    session: ReadSession,
    project_id: int,
    chosen: Filter,
    rule: Independence,
    *,
    unit: RateUnit,
    method: EffortMethod,
    event_count: EventCount,
) -> Sequence[DetectionRate]:
    """The rates of each taxon at each station where it was seen, by station."""
    efforts = station_efforts(await operations(session, project_id, chosen), method, rule.station, chosen)
    stations = {each.station_id: each for each in efforts}
    rows = records(project_id, chosen)
    counted = await session.execute(_counted(rows, rule, event_count))
    rates = [
        DetectionRate(
            species_id, kind, stations[station_id], unit, **dict(zip(NUMBERS, map(int, numbers), strict=True))
        )
        for species_id, kind, station_id, *numbers in counted
        if station_id in stations
    ]
    return sorted(rates, key=lambda each: (each.station.name, each.station.station_id, each.species_id or 0))


def _counted(rows: CTE, rule: Independence, event_count: EventCount) -> Select[Any, *tuple[Any, ...]]:
    """Taxon, station, and the numbers of `DetectionRate` in their order: each counted by itself, then put together."""
    station = station_of(rows, rule.station).label("station_id")
    key = rows.c.species_id, rows.c.observation_type, station
    events = (
        select(*key, individuals_of_event(rows, event_count).label("individuals"))
        .group_by(*key, rows.c.event)
        .cte("events")
    )
    records_of = marked(rows, rule)
    local_date = cast(local(rows.c.at), Date).label("day")
    dates = select(*key, local_date).join(Location, Location.id == rows.c.location_id).distinct().cte("dates")
    none: ColumnElement[int] = literal_column("0")
    parts = union_all(
        _part(events, none, func.count(), none, func.sum(events.c.individuals), none),
        _part(
            records_of, func.sum(records_of.c.media), none, func.count().filter(records_of.c.is_independent), none, none
        ),
        _part(dates, none, none, none, none, func.count()),
    ).subquery("parts")
    taxon_and_station = parts.c.species_id, parts.c.observation_type, parts.c.station_id
    sums = (func.sum(parts.c[name]) for name in NUMBERS)
    return select(*taxon_and_station, *sums).group_by(*taxon_and_station)


def _part(rows: CTE, *numbers: ColumnElement[Any]) -> Select[Any, *tuple[Any, ...]]:
    key = rows.c.species_id, rows.c.observation_type, rows.c.station_id
    named = (number.label(name) for name, number in zip(NUMBERS, numbers, strict=True))
    return select(*key, *named).group_by(*key)
