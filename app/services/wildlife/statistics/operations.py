"""When the cameras of a project watched: its deployments with their failures, clocks and files."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from app.database import ReadSession
from app.models.wildlife.classification_projects import ClassificationProject
from app.models.wildlife.classifications import Classification, ClassificationType
from app.models.wildlife.deployments import Deployment, DeploymentFailure, Location
from app.services.wildlife.statistics import effort
from app.services.wildlife.statistics.choices import EffortMethod, Filter, Station
from app.services.wildlife.statistics.effort import DAY_S, Operation, Period
from app.services.wildlife.statistics.histories import Watched


@dataclass(frozen=True)
class StationEffort:
    """How long cameras watched at a station."""

    station: Station
    station_id: int
    name: str
    deployments: int
    seconds: float
    # Without failures it would be so much more.
    failed_seconds: float

    @property
    def days(self) -> float:
        """The effort in days of 24 hours."""
        return self.seconds / DAY_S


async def operations(session: ReadSession, project_id: int, chosen: Filter) -> Sequence[Operation]:
    """Deployments whose media are in the project, by their name; those that still run end now."""
    in_project = (
        select(Classification.deployment_id, func.min(Classification.recorded_at), func.max(Classification.recorded_at))
        .where(
            Classification.project_id == project_id,
            Classification.classification_type == ClassificationType.FINAL,
            Classification.deployment_id.is_not(None),
        )
        .group_by(Classification.deployment_id)
    )
    files = {row[0]: (row[1], row[2]) for row in await session.execute(in_project)}
    query = select(Deployment, Location).join(Location, Location.id == Deployment.location_id)
    research = select(ClassificationProject.research_project_id).where(ClassificationProject.id == project_id)
    # A camera that saw nothing watched, too: all deployments of the research project count.
    query = query.where(Deployment.research_project_id == research.scalar_subquery())
    if chosen.deployment_ids is not None:
        query = query.where(Deployment.id.in_(chosen.deployment_ids))
    rows = (await session.execute(query.order_by(Deployment.deployment_id, Deployment.id))).all()
    failures = await _failures(session, [deployment.id for deployment, _ in rows])
    now = datetime.now(UTC)
    return [
        _operation(deployment, location, failures[deployment.id], _files(files.get(deployment.id)), now)
        for deployment, location in rows
    ]


def _files(period: tuple[datetime | None, datetime | None] | None) -> Period | None:
    if period is None or period[0] is None or period[1] is None:
        return None
    return period[0], period[1]


async def _failures(session: ReadSession, deployment_ids: Sequence[int]) -> Mapping[int, list[Period]]:
    failures: dict[int, list[Period]] = defaultdict(list)
    rows = select(DeploymentFailure.deployment_id, DeploymentFailure.starts_at, DeploymentFailure.ends_at)
    for id, start, end in await session.execute(rows.where(DeploymentFailure.deployment_id.in_(deployment_ids))):
        failures[id].append((start, end))
    return failures


def _operation(
    deployment: Deployment, location: Location, failures: Sequence[Period], files: Period | None, now: datetime
) -> Operation:
    zone = ZoneInfo(location.timezone)
    return Operation(
        deployment.id,
        location.id,
        deployment.deployment_id,
        location.name or location.location_id,
        standard_time(zone, deployment.starts_at.year) if location.ignore_dst else zone,
        deployment.starts_at,
        max(deployment.starts_at, deployment.ends_at or now),
        tuple(failures),
        files,
    )


def standard_time(zone: ZoneInfo, year: int) -> timezone:
    """The zone's time without summer time: the smaller of its offsets in a year."""
    offsets = [datetime(year, month, 1, tzinfo=zone).utcoffset() or timedelta() for month in (1, 7)]
    return timezone(min(offsets))


def station_efforts(
    periods: Sequence[Operation], method: EffortMethod, station: Station, chosen: Filter
) -> Sequence[StationEffort]:
    """The effort at each station, by name: that of its deployments together, which may be more than a day a day."""
    grouped: dict[int, list[Operation]] = defaultdict(list)
    for each in periods:
        grouped[each.location_id if station is Station.LOCATION else each.deployment_id].append(each)
    rows = [_station_effort(id, several, method, station, chosen) for id, several in grouped.items()]
    return sorted(rows, key=lambda row: (row.name, row.station_id))


def _station_effort(
    id: int, several: Sequence[Operation], method: EffortMethod, station: Station, chosen: Filter
) -> StationEffort:
    name = several[0].location_name if station is Station.LOCATION else several[0].deployment_name
    watched = sum(effort.seconds(_clipped(each, method, chosen)) for each in several)
    planned = sum(effort.seconds(_clipped(effort.unfailing(each), method, chosen)) for each in several)
    return StationEffort(station, id, name, len(several), watched, planned - watched)


def _clipped(operation: Operation, method: EffortMethod, chosen: Filter) -> list[Period]:
    """The part that lies in the time of the filter."""
    start, end = chosen.recorded_from, chosen.recorded_until
    if method is not EffortMethod.EXACT:
        start, end = (edge and edge.astimezone(operation.zone).replace(tzinfo=None) for edge in (start, end))
    return effort.within(effort.periods(operation, method), start, end)


def watched_stations(periods: Sequence[Operation], method: EffortMethod, station: Station) -> Sequence[Watched]:
    """The stations of a detection history."""
    grouped: dict[int, list[Operation]] = defaultdict(list)
    for each in periods:
        grouped[each.location_id if station is Station.LOCATION else each.deployment_id].append(each)
    rows = []
    for id, several in grouped.items():
        shares: dict[date, float] = defaultdict(float)
        for each in several:
            for day, share in effort.by_date(each, method).items():
                shares[day] += share
        edges = [(effort.first_date(each, method), effort.last_date(each, method)) for each in several]
        firsts, lasts = [first for first, _ in edges if first], [last for _, last in edges if last]
        if firsts and lasts:
            name = several[0].location_name if station is Station.LOCATION else several[0].deployment_name
            rows.append(Watched(station, id, name, min(firsts), max(lasts), shares))
    return sorted(rows, key=lambda row: (row.name, row.station_id))
