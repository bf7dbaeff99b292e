"""When media were recorded: the camera's own time, its zone, the correction of its clock, and what follows from it.

PostgreSQL computes it, so that one statement dates all media of a deployment. Where a clock shows the same hour twice
in autumn, the second is meant; an hour that a clock skips in spring counts from the hour before.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, DateTime, Integer, case, cast, func, or_, select, update

from app.database import WriteSession
from app.models.wildlife.deployments import Deployment, Location
from app.models.wildlife.media import Resource
from app.services.wildlife.media import sequences

_NAIVE = DateTime(timezone=False)


def _minutes(value: Any) -> ColumnElement[Any]:
    return func.make_interval(0, 0, 0, 0, 0, value)


def _camera_time() -> ColumnElement[Any]:
    return cast(Resource.camera_time, _NAIVE)


def _offset_at(month: int, local: ColumnElement[Any]) -> ColumnElement[Any]:
    """The zone's offset on the first day of a month of a year."""
    day = func.make_timestamp(cast(func.extract("year", local), Integer), month, 1, 0, 0, 0.0)
    return day - func.timezone("UTC", func.timezone(Location.timezone, day))


def recorded_at() -> ColumnElement[Any]:
    """The time of a resource, joined with its deployment and its location."""
    local = _camera_time() + func.make_interval(0, 0, 0, 0, 0, 0, Deployment.clock_correction_s)
    # Standard time is the lesser of a year's two offsets, on both hemispheres.
    standard = local - func.least(_offset_at(1, local), _offset_at(7, local))
    return case(
        (
            Resource.camera_utc_offset_minutes.is_not(None),
            func.timezone("UTC", local - _minutes(Resource.camera_utc_offset_minutes)),
        ),
        (Location.ignore_dst, func.timezone("UTC", standard)),
        else_=func.timezone(Location.timezone, local),
    )


def is_within() -> ColumnElement[Any]:
    """Whether a resource was recorded within its deployment."""
    return (Resource.recorded_at >= Deployment.starts_at) & or_(
        Deployment.ends_at.is_(None), Resource.recorded_at <= Deployment.ends_at
    )


async def settle(session: WriteSession, deployment_id: int) -> None:
    """Dates all media of a deployment anew, says which lie within it, and builds its sequences; it is locked."""
    locked = select(Deployment.id).where(Deployment.id == deployment_id).with_for_update(key_share=True)
    await session.execute(locked)
    of_deployment = (
        Resource.deployment_id == deployment_id,
        Deployment.id == deployment_id,
        Location.id == Deployment.location_id,
    )
    dated = recorded_at()
    await session.execute(
        update(Resource)
        .where(*of_deployment, Resource.camera_time.is_not(None), Resource.recorded_at.is_distinct_from(dated))
        .values(recorded_at=dated)
        .execution_options(synchronize_session=False)
    )
    within = is_within()
    await session.execute(
        update(Resource)
        .where(*of_deployment, Resource.date_recorded_correct.is_distinct_from(within))
        .values(date_recorded_correct=within)
        .execution_options(synchronize_session=False)
    )
    await sequences.rebuild(session, deployment_id)


async def release(session: WriteSession, resource_ids: Sequence[int]) -> None:
    """Dates media that have no deployment: only where the camera wrote an offset is their time known."""
    known = func.timezone("UTC", _camera_time() - _minutes(Resource.camera_utc_offset_minutes))
    await session.execute(
        update(Resource)
        .where(Resource.id.in_(resource_ids), Resource.deployment_id.is_(None))
        .values(recorded_at=known, date_recorded_correct=None, sequence_id=None)
        .execution_options(synchronize_session=False)
    )
