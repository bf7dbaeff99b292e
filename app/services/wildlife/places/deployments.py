"""Deployments, and the periods in which their cameras did not work."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select

from app import checks
from app.database import ReadSession, WriteSession
from app.errors import Conflict, Invalid, LimitReached, NotFound
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.wildlife.deployments import Deployment, DeploymentFailure, Location
from app.models.wildlife.media import Resource
from app.policies import Viewer, signed_in, visible
from app.policies.wildlife.projects import WORKERS
from app.services.system import audit
from app.services.wildlife.media import timing
from app.services.wildlife.places import fields as rules
from app.services.wildlife.projects.access import project_to_work_in
from app.settings import settings

DATED = {"starts_at", "ends_at", "sequence_gap_s", "location_id"}


async def deployment_to_change(session: ReadSession, viewer: Viewer, deployment_id: int) -> Deployment:
    """A deployment of a project that the viewer works in, locked."""
    query = visible(Deployment, viewer).where(Deployment.id == deployment_id)
    deployment = await session.scalar(query.with_for_update(key_share=True, of=Deployment))
    if deployment is None:
        raise NotFound("There is no such deployment.")
    await project_to_work_in(session, viewer, deployment.research_project_id, WORKERS)
    return deployment


async def _location(session: ReadSession, viewer: Viewer, location_id: int, project_id: int | None) -> Location:
    query = visible(Location, viewer).where(Location.id == location_id)
    location = await session.scalar(query.with_for_update(key_share=True, read=True, of=Location))
    if location is None or location.research_project_id != (project_id or location.research_project_id):
        raise NotFound("There is no such location in this research project.")
    return location


def derived_id(code: str, location: Location) -> str:
    """A deployment's own id: its code and its place."""
    return f"{code}-{location.location_id}"


async def create_deployment(
    session: WriteSession, viewer: Viewer, location_id: int, fields: Mapping[str, Any]
) -> Deployment:
    """A new deployment at a location of a project that the viewer works in."""
    location = await _location(session, viewer, location_id, None)
    project = await project_to_work_in(session, viewer, location.research_project_id, WORKERS, is_locked=True)
    await room_for_deployments(session, project.id, 1)
    columns = rules.checked(rules.DEPLOYMENT, fields)
    rules.period(columns["starts_at"], columns.get("ends_at"))
    deployment = Deployment(
        research_project_id=project.id,
        location_id=location.id,
        owner_id=signed_in(viewer),
        deployment_id=derived_id(columns["deployment_code"], location),
        **columns,
    )
    session.add(deployment)
    await session.flush()
    return deployment


async def room_for_deployments(session: ReadSession, project_id: int, more: int) -> None:
    """Refused if a project would have more than the maximum number of deployments; it is locked."""
    count = await session.scalar(select(func.count()).where(Deployment.research_project_id == project_id)) or 0
    if count + more > settings.deployments_per_project_max:
        raise LimitReached(
            "This research project has reached the limit for deployments.", limit=settings.deployments_per_project_max
        )


async def update_deployment(
    session: WriteSession, viewer: Viewer, deployment_id: int, changes: Mapping[str, Any]
) -> Deployment:
    """Updates the given fields, and with its times and its place what depends on them: its media's times."""
    deployment = await deployment_to_change(session, viewer, deployment_id)
    columns = dict(changes)
    moved = columns.pop("location_id", deployment.location_id)
    location = await _location(session, viewer, moved, deployment.research_project_id)
    for name, value in rules.checked(rules.DEPLOYMENT, columns).items():
        setattr(deployment, name, value)
    deployment.location_id = location.id
    if changes.keys() & {"deployment_code", "location_id"}:
        deployment.deployment_id = derived_id(deployment.deployment_code, location)
    rules.period(deployment.starts_at, deployment.ends_at)
    await _failures_within(session, deployment)
    await session.flush()
    if changes.keys() & DATED:
        await timing.settle(session, deployment.id)
    if changes:
        audit.record(session, signed_in(viewer), "updateDeployment", about=deployment, fields=sorted(changes))
    await session.refresh(deployment)
    return deployment


async def _failures_within(session: ReadSession, deployment: Deployment) -> None:
    outside = DeploymentFailure.starts_at < deployment.starts_at
    if deployment.ends_at is not None:
        outside |= DeploymentFailure.ends_at > deployment.ends_at
    query = select(func.count()).where(DeploymentFailure.deployment_id == deployment.id, outside)
    if count := await session.scalar(query):
        raise Conflict(f"Failures of the deployment would lie outside its time ({count}). Change them first.")


async def delete_deployment(session: WriteSession, viewer: Viewer, deployment_id: int) -> Deployment:
    """Deletes a deployment without media."""
    deployment = await deployment_to_change(session, viewer, deployment_id)
    # Now the key, too: media that are added concurrently come either before or not at all.
    await session.execute(select(Deployment.id).where(Deployment.id == deployment.id).with_for_update())
    if count := await session.scalar(select(func.count()).where(Resource.deployment_id == deployment.id)):
        raise Conflict(f"This deployment has media ({count}). Delete them, or move them to another deployment.")
    audit.record(session, signed_in(viewer), "deleteDeployment", about=deployment)
    await session.execute(delete(Deployment).where(Deployment.id == deployment.id))
    return deployment


async def add_failure(
    session: WriteSession, viewer: Viewer, deployment_id: int, *, starts_at: datetime, ends_at: datetime, reason: str
) -> DeploymentFailure:
    """A period of a deployment in which its camera did not work."""
    deployment = await deployment_to_change(session, viewer, deployment_id)
    listed = select(func.count()).where(DeploymentFailure.deployment_id == deployment.id)
    if (await session.scalar(listed) or 0) >= settings.failures_per_deployment_max:
        raise LimitReached(
            "This deployment has reached the limit for failures.", limit=settings.failures_per_deployment_max
        )
    failure = DeploymentFailure(deployment_id=deployment.id)
    _describe(failure, deployment, {"starts_at": starts_at, "ends_at": ends_at, "reason": reason})
    session.add(failure)
    await session.flush()
    return failure


def _describe(failure: DeploymentFailure, deployment: Deployment, changes: Mapping[str, Any]) -> None:
    if "starts_at" in changes:
        failure.starts_at = checks.moment("startsAt", changes["starts_at"])
    if "ends_at" in changes:
        failure.ends_at = checks.moment("endsAt", changes["ends_at"])
    if "reason" in changes:
        failure.reason = checks.text("reason", changes["reason"], length_max=NOTE_LENGTH_MAX)
    rules.period(failure.starts_at, failure.ends_at)
    if failure.starts_at < deployment.starts_at:
        raise Invalid("startsAt", "The failure begins before its deployment.")
    if deployment.ends_at is not None and failure.ends_at > deployment.ends_at:
        raise Invalid("endsAt", "The failure ends after its deployment.")


async def _failure_to_change(
    session: ReadSession, viewer: Viewer, failure_id: int
) -> tuple[DeploymentFailure, Deployment]:
    failure = await session.scalar(visible(DeploymentFailure, viewer).where(DeploymentFailure.id == failure_id))
    if failure is None:
        raise NotFound("There is no such failure.")
    return failure, await deployment_to_change(session, viewer, failure.deployment_id)


async def update_failure(
    session: WriteSession, viewer: Viewer, failure_id: int, changes: Mapping[str, Any]
) -> DeploymentFailure:
    """Updates the given fields of a failure."""
    failure, deployment = await _failure_to_change(session, viewer, failure_id)
    _describe(failure, deployment, changes)
    await session.flush()
    return failure


async def delete_failure(session: WriteSession, viewer: Viewer, failure_id: int) -> DeploymentFailure:
    """The camera did work at that time."""
    failure, _ = await _failure_to_change(session, viewer, failure_id)
    await session.delete(failure)
    await session.flush()
    return failure
