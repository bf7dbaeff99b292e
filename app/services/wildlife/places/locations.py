"""Locations."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, func, select

from app.database import ReadSession, WriteSession
from app.errors import Conflict, LimitReached, NotFound
from app.models.wildlife.deployments import Deployment, Location
from app.policies import Viewer, signed_in, visible
from app.policies.wildlife.projects import WORKERS
from app.services.system import audit
from app.services.wildlife.media import timing
from app.services.wildlife.places import fields as rules
from app.services.wildlife.projects.access import project_to_work_in
from app.settings import settings


async def location_to_change(session: ReadSession, viewer: Viewer, location_id: int) -> Location:
    """A location of a project that the viewer works in, locked."""
    query = visible(Location, viewer).where(Location.id == location_id)
    location = await session.scalar(query.with_for_update(key_share=True, of=Location))
    if location is None:
        raise NotFound("There is no such location.")
    await project_to_work_in(session, viewer, location.research_project_id, WORKERS)
    return location


async def create_location(
    session: WriteSession, viewer: Viewer, project_id: int, fields: Mapping[str, Any]
) -> Location:
    """A new place in a project that the viewer works in."""
    project = await project_to_work_in(session, viewer, project_id, WORKERS, is_locked=True)
    await room_for_locations(session, project.id, 1)
    location = Location(
        research_project_id=project.id, owner_id=signed_in(viewer), **rules.checked(rules.LOCATION, fields)
    )
    session.add(location)
    await session.flush()
    return location


async def room_for_locations(session: ReadSession, project_id: int, more: int) -> None:
    """Refused if a project would have more than the maximum number of locations; it is locked."""
    count = await session.scalar(select(func.count()).where(Location.research_project_id == project_id)) or 0
    if count + more > settings.locations_per_project_max:
        raise LimitReached(
            "This research project has reached the limit for locations.", limit=settings.locations_per_project_max
        )


async def update_location(
    session: WriteSession, viewer: Viewer, location_id: int, changes: Mapping[str, Any]
) -> Location:
    """Updates the given fields; with the zone the times of all its media."""
    location = await location_to_change(session, viewer, location_id)
    for name, value in rules.checked(rules.LOCATION, changes).items():
        setattr(location, name, value)
    await session.flush()
    if changes.keys() & {"timezone", "ignore_dst"}:
        placed = select(Deployment.id).where(Deployment.location_id == location.id).order_by(Deployment.id)
        for deployment_id in (await session.scalars(placed)).all():
            await timing.settle(session, deployment_id)
    if changes:
        audit.record(session, signed_in(viewer), "updateLocation", about=location, fields=sorted(changes))
    await session.refresh(location)
    return location


async def delete_location(session: WriteSession, viewer: Viewer, location_id: int) -> Location:
    """Deletes a location without deployments."""
    location = await location_to_change(session, viewer, location_id)
    # Now the key, too: a deployment made concurrently comes either before or not at all.
    await session.execute(select(Location.id).where(Location.id == location.id).with_for_update())
    placed = select(func.count()).where(Deployment.location_id == location.id)
    if count := await session.scalar(placed):
        raise Conflict(f"Deployments are at this location ({count}). Delete them first.")
    audit.record(session, signed_in(viewer), "deleteLocation", about=location)
    await session.execute(delete(Location).where(Location.id == location.id))
    return location
