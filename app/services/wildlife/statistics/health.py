"""What is wrong with cameras, as far as their media show it: clocks that fell back, silence, and no flash."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, Float, Select, and_, case, exists, func, literal, or_, select
from sqlalchemy.orm import aliased

from app.database import ReadSession
from app.models.wildlife.deployments import Deployment, DeploymentFailure, Location
from app.models.wildlife.media import Resource
from app.services.wildlife.statistics.choices import ClockTime
from app.services.wildlife.statistics.time_of_day import sun
from app.services.wildlife.statistics.time_of_day.activity import DAY_S, by_day, second_of_day

SILENT_DAYS = 7
# Of the pictures at night, how many must be dark, and how many there must be.
DARK_SHARE_MIN, NIGHT_PICTURES_MIN = 0.8, 5
# Mean brightness of a picture, 0 to 1.
DARK_MAX = 0.04
# Clocks run a little fast or slow; a time zone is no more than 14 hours.
CLOCK_TOLERANCE = timedelta(days=1)
# Before camera traps with digital clocks were sold: where a clock begins anew without a battery.
RESET_YEAR_MAX = 2004
PROBLEMS_MAX = 10_000
# The sun this far below the horizon: dark enough for the flash.
NIGHT_ALTITUDE_DEGREES = -6


class HealthProblem(Enum):
    """What is wrong with a camera.

    CLOCK_RESET: Media from before the deployment, as when a clock begins anew.
    CLOCK_BACKWARDS: A file is older than the one before it on the card.
    AFTER_END: Media from after the deployment.
    DEAD: No media in its last days, or none at all.
    GAP: No media for days in its midst, and no failure says why.
    NO_FLASH: Pictures of the night are black.
    UNREADABLE: Files that cannot be read.
    """

    CLOCK_RESET = "CLOCK_RESET"
    CLOCK_BACKWARDS = "CLOCK_BACKWARDS"
    AFTER_END = "AFTER_END"
    DEAD = "DEAD"
    GAP = "GAP"
    NO_FLASH = "NO_FLASH"
    UNREADABLE = "UNREADABLE"


@dataclass(frozen=True)
class CameraProblem:
    """Something that is wrong with the camera of a deployment."""

    deployment_id: int
    problem: HealthProblem
    # The media that show it.
    count: int
    starts_at: datetime | None
    ends_at: datetime | None
    message: str


async def camera_health(
    session: ReadSession, research_project_id: int, *, silent_days: int = SILENT_DAYS
) -> Sequence[CameraProblem]:
    """What is wrong with the cameras of a research project, by deployment and time."""
    silence = timedelta(days=silent_days)
    problems = []
    for problem, statement, message in (
        (HealthProblem.CLOCK_RESET, _reset(), "{count} media are from before the deployment, from {starts} on."),
        (HealthProblem.CLOCK_BACKWARDS, _backwards(), "The clock goes back {count} times from one file to the next."),
        (HealthProblem.AFTER_END, _after_end(), "{count} media are from after the deployment, until {ends}."),
        (HealthProblem.DEAD, _dead(silence), "There are no media from {starts} to {ends}, the end of the deployment."),
        (HealthProblem.GAP, _gaps(silence), "There are no media from {starts} to {ends}, and no failure says why."),
        (HealthProblem.NO_FLASH, _no_flash(), "{count} pictures of the night are black: the flash does not work."),
        (HealthProblem.UNREADABLE, _unreadable(), "{count} files cannot be read."),
    ):
        rows = statement.where(Deployment.research_project_id == research_project_id).limit(PROBLEMS_MAX)
        for deployment_id, count, starts, ends in await session.execute(rows):
            message_shown = message.format(count=count, starts=_shown(starts), ends=_shown(ends))
            problems.append(CameraProblem(deployment_id, problem, count, starts, ends, message_shown))
    return sorted(problems, key=lambda each: (each.deployment_id, str(each.starts_at or ""), each.problem.value))


def _shown(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else "the beginning"


Problems = Select[Any, *tuple[Any, ...]]


def _media(*conditions: ColumnElement[bool]) -> Problems:
    """For each deployment the number of such media, and their first and last time."""
    times = func.min(Resource.recorded_at), func.max(Resource.recorded_at)
    query = select(Deployment.id, func.count(), *times).join(Resource, Resource.deployment_id == Deployment.id)
    return query.where(*conditions).group_by(Deployment.id)


def _reset() -> Problems:
    is_early = Resource.recorded_at < Deployment.starts_at - CLOCK_TOLERANCE
    is_old = func.date_part("year", Resource.recorded_at) <= RESET_YEAR_MAX
    return _media(or_(is_early, and_(is_old, Resource.recorded_at < Deployment.starts_at)))


def _after_end() -> Problems:
    return _media(Resource.recorded_at > Deployment.ends_at)


def _unreadable() -> Problems:
    return _media(Resource.read_error.is_not(None))


def _backwards() -> Problems:
    """By the order of the names on the card; a minute is left to files that are written late."""
    own = aliased(Resource)
    before = func.lag(own.recorded_at).over(partition_by=own.deployment_id, order_by=own.file_path)
    rows = (
        select(own.deployment_id, own.recorded_at, before.label("before"))
        .where(own.recorded_at.is_not(None), own.deployment_id.is_not(None))
        .subquery()
    )
    falls = rows.c.recorded_at < rows.c.before - timedelta(hours=1)
    return (
        select(Deployment.id, func.count(), func.min(rows.c.recorded_at), func.max(rows.c.before))
        .join(rows, rows.c.deployment_id == Deployment.id)
        .where(falls)
        .group_by(Deployment.id)
    )


def _end() -> ColumnElement[datetime]:
    return func.coalesce(Deployment.ends_at, func.now())


def _dead(silence: timedelta) -> Problems:
    """Also a camera that runs still, if it wrote nothing lately."""
    own = aliased(Resource)
    newest = (
        select(func.max(own.recorded_at))
        .where(own.deployment_id == Deployment.id, own.recorded_at <= _end())
        .correlate(Deployment)
        .scalar_subquery()
    )
    since = func.coalesce(newest, Deployment.starts_at)
    return select(Deployment.id, literal(0), since, _end()).where(_end() - since > silence, ~_explained(since, _end()))


def _gaps(silence: timedelta) -> Problems:
    own = aliased(Resource)
    place = aliased(Deployment)
    before = func.lag(own.recorded_at).over(partition_by=own.deployment_id, order_by=own.recorded_at)
    rows = (
        select(own.deployment_id, func.coalesce(before, place.starts_at).label("start"), own.recorded_at.label("end"))
        .join(place, place.id == own.deployment_id)
        .where(own.recorded_at >= place.starts_at, own.recorded_at <= func.coalesce(place.ends_at, func.now()))
        .subquery()
    )
    return (
        select(Deployment.id, literal(0), rows.c.start, rows.c.end)
        .join(rows, rows.c.deployment_id == Deployment.id)
        .where(rows.c.end - rows.c.start > silence, ~_explained(rows.c.start, rows.c.end))
    )


def _explained(start: ColumnElement[Any], end: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a failure of the deployment says why there is nothing."""
    failure = aliased(DeploymentFailure)
    return exists().where(failure.deployment_id == Deployment.id, failure.starts_at < end, failure.ends_at > start)


def _no_flash() -> Problems:
    at: Any = Resource.recorded_at
    is_night = _altitude(at) < NIGHT_ALTITUDE_DEGREES
    is_dark = Resource.brightness < DARK_MAX
    dark = func.count().filter(is_dark)
    times = (getattr(func, name)(case((is_dark, Resource.recorded_at))) for name in ("min", "max"))
    return (
        select(Deployment.id, dark, *times)
        .join(Resource, Resource.deployment_id == Deployment.id)
        .join(Location, Location.id == Deployment.location_id)
        .where(Resource.brightness.is_not(None), is_night)
        .group_by(Deployment.id)
        .having(func.count() >= NIGHT_PICTURES_MIN, dark >= DARK_SHARE_MIN * func.count())
    )


def _altitude(at: ColumnElement[Any]) -> ColumnElement[float]:
    """How high the sun stands at `Location`, in degrees."""
    north = func.radians(func.ST_Y(Location.point, type_=Float))
    declination = func.radians(by_day(sun.days().declination_degrees, at))
    hour_angle = func.radians((second_of_day(at, ClockTime.SOLAR) - DAY_S / 2) / 240)
    up = func.sin(north) * func.sin(declination) + func.cos(north) * func.cos(declination) * func.cos(hour_angle)
    height: ColumnElement[float] = func.degrees(func.asin(func.greatest(-1, func.least(1, up))))
    return height
