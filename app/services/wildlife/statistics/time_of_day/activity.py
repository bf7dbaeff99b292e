"""At which time of day taxa are about, by the location's clock or by the sun."""

from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Float, Integer, cast, func, literal, select

from app.database import ReadSession
from app.geometry.columns import once
from app.models.wildlife.deployments import Deployment, Location
from app.services.wildlife.statistics.choices import ClockTime, Filter, Independence, Station
from app.services.wildlife.statistics.independence import marked
from app.services.wildlife.statistics.records import local, records
from app.services.wildlife.statistics.time_of_day import sun
from app.services.wildlife.statistics.time_of_day.circular import Activity, activity

RECORDS_MAX = 200_000
DAY_S, MINUTE_S, DEGREE_S = 86_400, 60, 240


async def activity_of(
    session: ReadSession, project_id: int, chosen: Filter, rule: Independence, *, clock: ClockTime, times_max: int
) -> Activity:
    """The times of day of independent records."""
    rows = marked(records(project_id, chosen), rule)
    at = func.to_timestamp(rows.c.second)
    times = select(second_of_day(at, clock)).select_from(rows)
    if rule.station is Station.LOCATION:
        times = times.join(Location, Location.id == rows.c.station_id)
    else:
        times = times.join(Deployment, Deployment.id == rows.c.station_id).join(
            Location, Location.id == Deployment.location_id
        )
    times = times.where(rows.c.is_independent).order_by(rows.c.second).limit(RECORDS_MAX)
    return activity([float(second) for second in await session.scalars(times)], times_max)


def second_of_day(at: ColumnElement[Any], clock: ClockTime) -> ColumnElement[float]:
    """The second of the day at `Location`: by its zone, or by the true sun, which stands highest at 12:00."""
    if clock is ClockTime.LOCAL:
        clocked: ColumnElement[float] = func.date_part("epoch", local(at) - func.date_trunc("day", local(at)))
        return clocked
    utc = func.timezone("UTC", at)
    second = func.date_part("epoch", utc - func.date_trunc("day", utc))
    ahead = by_day(sun.days().equation_of_time_min, at) * MINUTE_S
    east = func.ST_X(Location.point, type_=Float) * DEGREE_S
    # Modulo of what may be below 0: there is none for floating point numbers.
    turned = second + ahead + east + 2 * DAY_S
    return turned - func.floor(turned / DAY_S) * DAY_S


def by_day(values: tuple[float, ...], at: ColumnElement[Any]) -> ColumnElement[float]:
    """The value for the day of the year; the array is one parameter of the statement."""
    day = cast(func.date_part("doy", func.timezone("UTC", at)), Integer)
    array: Any = once(cast(literal(list(values), ARRAY(Float)), ARRAY(Float)))
    times: ColumnElement[float] = array[day]
    return times
