"""The detection history of a taxon in a project, as rows and as CSV."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date

from sqlalchemy import Date, cast, select

from app.database import ReadSession
from app.formats.harmless import line
from app.models.wildlife.deployments import Location
from app.services.wildlife.statistics.choices import EffortMethod, Filter, OccasionStart, Station
from app.services.wildlife.statistics.histories import History, history, occasion_dates
from app.services.wildlife.statistics.operations import operations, watched_stations
from app.services.wildlife.statistics.records import local, records, station_of

NOT_WATCHED = "NA"


async def detection_history(
    session: ReadSession,
    project_id: int,
    chosen: Filter,
    *,
    occasion_days: int,
    start: OccasionStart,
    station: Station,
    method: EffortMethod,
    effort_days_min: float,
) -> History:
    """On which occasions the taxa of the filter were seen at each station."""
    rows = records(project_id, chosen)
    dates = (
        select(station_of(rows, station), cast(local(rows.c.at), Date))
        .join(Location, Location.id == rows.c.location_id)
        .distinct()
    )
    seen: dict[int, set[date]] = defaultdict(set)
    for station_id, day in await session.execute(dates):
        seen[station_id].add(day)
    watched = watched_stations(await operations(session, project_id, chosen), method, station)
    return history(watched, seen, occasion_days=occasion_days, start=start, effort_days_min=effort_days_min)


def as_csv(table: History) -> Iterator[str]:
    """A row for each station: its detections, then its effort, occasion by occasion; NA where nobody watched."""
    numbers = range(1, table.occasions + 1)
    yield line(["station", "first_date", *(f"o{number}" for number in numbers), *(f"effort_o{n}" for n in numbers)])
    for row in table.stations:
        detections = (NOT_WATCHED if seen is None else seen for seen in row.detections)
        effort = (NOT_WATCHED if days is None else f"{days:g}" for days in row.effort_days)
        yield line([row.name, occasion_dates(row, 0, table.occasion_days)[0].isoformat(), *detections, *effort])
