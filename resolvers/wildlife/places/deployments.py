"""Deployments, their failures and the clocks of their cameras."""

from datetime import datetime
from typing import Any

import strawberry
from sqlalchemy import Select

from app import checks
from app.limits.wildlife import PROJECT_NAME_LENGTH_MAX
from app.models.wildlife.deployments import Deployment, DeploymentFailure, FeatureType, Location
from app.models.wildlife.projects import ResearchProject
from app.pagination import Order
from app.policies import visible
from app.services.wildlife.places import clocks
from app.services.wildlife.places import deployments as service
from resolvers import ids
from resolvers.context import Info
from resolvers.deleted import Deleted
from resolvers.enums import show_enum
from resolvers.loaders import RowOrReference
from resolvers.optional_arguments import provided


class DeploymentOrder(Order):
    """By age of the row, or by the start of the deployment.

    NEWEST: The newest first.
    OLDEST: The oldest first.
    FIRST_START: The earliest start first.
    LAST_START: The latest start first.
    """

    NEWEST = ("id", True)
    OLDEST = ("id", False)
    FIRST_START = ("starts_at", False)
    LAST_START = ("starts_at", True)


async def deployment(info: Info, id: strawberry.ID) -> RowOrReference[Deployment]:
    """A deployment by its id.

    id: The id of the deployment.
    """
    return await info.context.find(Deployment, id)


def deployments(
    info: Info,
    research_project_id: strawberry.ID | None = None,
    location_id: strawberry.ID | None = None,
    camera_id: str | None = None,
    during_from: datetime | None = None,
    during_to: datetime | None = None,
    is_clock_corrected: bool | None = None,
    search: str | None = None,
) -> Select[Deployment]:
    """Deployments.

    research_project_id: Only deployments of this research project.
    location_id: Only deployments at this location.
    camera_id: Only deployments of this camera.
    during_from: Only deployments that have not ended before this time.
    during_to: Only deployments that have begun by this time.
    is_clock_corrected: Only deployments with a correction of the clock, or without.
    search: Only deployments whose id contains this text, ignoring case.
    """
    query = visible(Deployment, info.context.viewer)
    if research_project_id is not None:
        query = query.where(Deployment.research_project_id == ids.key(research_project_id, ResearchProject))
    if location_id is not None:
        query = query.where(Deployment.location_id == ids.key(location_id, Location))
    if camera_id is not None:
        query = query.where(Deployment.camera_id == camera_id)
    if during_from is not None:
        open_ended = Deployment.ends_at.is_(None)
        query = query.where(open_ended | (Deployment.ends_at >= checks.moment("duringFrom", during_from)))
    if during_to is not None:
        query = query.where(Deployment.starts_at <= checks.moment("duringTo", during_to))
    if is_clock_corrected is not None:
        query = query.where((Deployment.clock_correction_s != 0) == is_clock_corrected)
    sought = checks.optional_text("search", search, length_max=PROJECT_NAME_LENGTH_MAX)
    return query if sought is None else query.where(Deployment.deployment_id.icontains(sought, autoescape=True))


# Before the input that uses it, or it would be made an enum of its own there.
show_enum(FeatureType)


@strawberry.input(description="What is known of a deployment.")
class DeploymentDetails:
    """The optional fields of a deployment; what is left out stays as it is, and null clears."""

    setup_by: strawberry.Maybe[str | None] = strawberry.field(default=None, description="Who set up the camera.")
    camera_id: strawberry.Maybe[str | None] = strawberry.field(
        default=None, description="The camera, such as its serial number."
    )
    camera_model: strawberry.Maybe[str | None] = strawberry.field(default=None, description="Make and model.")
    camera_delay: strawberry.Maybe[int | None] = strawberry.field(
        default=None, description="The pause after a trigger, in seconds."
    )
    camera_height: strawberry.Maybe[float | None] = strawberry.field(
        default=None, description="The height above ground, in metres."
    )
    camera_depth: strawberry.Maybe[float | None] = strawberry.field(
        default=None, description="The depth below the surface, in metres."
    )
    camera_tilt: strawberry.Maybe[int | None] = strawberry.field(
        default=None, description="The tilt, -90 (down) to 90 (up) degrees."
    )
    camera_heading: strawberry.Maybe[int | None] = strawberry.field(
        default=None, description="The direction, 0 to 360 degrees clockwise from north."
    )
    detection_distance: strawberry.Maybe[float | None] = strawberry.field(
        default=None, description="How far the camera detects, in metres."
    )
    timestamp_issues: strawberry.Maybe[bool | None] = strawberry.field(
        default=None, description="Whether the times are known to be wrong."
    )
    correct_setup: strawberry.Maybe[bool | None] = strawberry.field(
        default=None, description="Whether the camera was set up correctly."
    )
    correct_tstamp: strawberry.Maybe[bool | None] = strawberry.field(
        default=None, description="Whether the clock of the camera was right."
    )
    view_quality: strawberry.Maybe[str | None] = strawberry.field(default=None, description="The quality of the view.")
    bait_use: strawberry.Maybe[bool | None] = strawberry.field(default=None, description="Whether bait was used.")
    bait_type: strawberry.Maybe[str | None] = strawberry.field(default=None, description="What the bait was.")
    feature_type: strawberry.Maybe[FeatureType | None] = strawberry.field(
        default=None, description="What the camera looks at."
    )
    habitat: strawberry.Maybe[str | None] = strawberry.field(default=None, description="The habitat.")
    session: strawberry.Maybe[str | None] = strawberry.field(default=None, description="The session it belongs to.")
    array: strawberry.Maybe[str | None] = strawberry.field(default=None, description="The array it belongs to.")
    deployment_groups: strawberry.Maybe[list[str] | None] = strawberry.field(
        default=None, description="Its groups; null for none."
    )
    deployment_tags: strawberry.Maybe[list[str] | None] = strawberry.field(
        default=None, description="Its tags; null for none."
    )
    comments: strawberry.Maybe[str | None] = strawberry.field(default=None, description="Comments.")
    sequence_gap_s: strawberry.Maybe[int | None] = strawberry.field(
        default=None,
        description="The pause between two media that begins a new sequence, in seconds; null for the default.",
    )
    file_name_pattern: strawberry.Maybe[str | None] = strawberry.field(
        default=None,
        description="Where a file name holds time and camera, such as "
        "`{any}-{MM}{DD}{YYYY}{hh}{mm}{ss}-{camera}`. Parts: `{YYYY}` or `{YY}`, `{MM}`, `{DD}`, `{hh}`, `{mm}`, "
        "`{ss}`, `{camera}`, `{any}`.",
    )


def _details(details: DeploymentDetails | None) -> dict[str, Any]:
    changes = {} if details is None else provided(**vars(details))
    for name in ("deployment_groups", "deployment_tags"):
        if name in changes:
            changes[name] = changes[name] or []
    return changes


async def create_deployment(
    info: Info,
    location_id: strawberry.ID,
    deployment_code: str,
    starts_at: datetime,
    ends_at: datetime | None = None,
    details: DeploymentDetails | None = None,
) -> Deployment:
    """Creates a deployment: a camera at a location during a time. For those who work in the research project.

    location_id: The location.
    deployment_code: The project's own code; with the location it makes the deployment's id.
    starts_at: When the camera was set up.
    ends_at: When it was taken away; null while it is still there.
    details: What else is known.
    """
    fields = {"deployment_code": deployment_code, "starts_at": starts_at, "ends_at": ends_at, **_details(details)}
    async with info.context.writing() as session:
        return await service.create_deployment(session, info.context.viewer, ids.key(location_id, Location), fields)


async def update_deployment(
    info: Info,
    id: strawberry.ID,
    location_id: strawberry.Maybe[strawberry.ID] = None,
    deployment_code: strawberry.Maybe[str] = None,
    starts_at: strawberry.Maybe[datetime] = None,
    ends_at: strawberry.Maybe[datetime | None] = None,
    details: DeploymentDetails | None = None,
) -> Deployment:
    """Updates the given fields of a deployment. Its media are dated and grouped anew where that changes.

    id: The deployment.
    location_id: Another location of the same research project.
    deployment_code: The new code.
    starts_at: When the camera was set up.
    ends_at: When it was taken away; null while it is still there.
    details: What else is known; what is left out stays as it is.
    """
    changes = provided(deployment_code=deployment_code, starts_at=starts_at, ends_at=ends_at) | _details(details)
    if location_id is not None:
        changes["location_id"] = ids.key(location_id.value, Location)
    async with info.context.writing() as session:
        return await service.update_deployment(session, info.context.viewer, ids.key(id, Deployment), changes)


async def delete_deployment(info: Info, id: strawberry.ID) -> Deleted:
    """Deletes a deployment without media.

    id: The deployment.
    """
    async with info.context.writing() as session:
        return Deleted.of(await service.delete_deployment(session, info.context.viewer, ids.key(id, Deployment)))


async def create_deployment_failure(
    info: Info, deployment_id: strawberry.ID, starts_at: datetime, ends_at: datetime, reason: str
) -> DeploymentFailure:
    """Records that the camera of a deployment did not work for a while.

    deployment_id: The deployment.
    starts_at: When it began.
    ends_at: When the camera worked again.
    reason: Why it did not work.
    """
    async with info.context.writing() as session:
        return await service.add_failure(
            session,
            info.context.viewer,
            ids.key(deployment_id, Deployment),
            starts_at=starts_at,
            ends_at=ends_at,
            reason=reason,
        )


async def update_deployment_failure(
    info: Info,
    id: strawberry.ID,
    starts_at: strawberry.Maybe[datetime] = None,
    ends_at: strawberry.Maybe[datetime] = None,
    reason: strawberry.Maybe[str] = None,
) -> DeploymentFailure:
    """Updates the given fields of a failure.

    id: The failure.
    starts_at: When it began.
    ends_at: When the camera worked again.
    reason: Why it did not work.
    """
    changes = provided(starts_at=starts_at, ends_at=ends_at, reason=reason)
    async with info.context.writing() as session:
        return await service.update_failure(session, info.context.viewer, ids.key(id, DeploymentFailure), changes)


async def delete_deployment_failure(info: Info, id: strawberry.ID) -> Deleted:
    """Deletes a failure: the camera did work at that time.

    id: The failure.
    """
    async with info.context.writing() as session:
        return Deleted.of(await service.delete_failure(session, info.context.viewer, ids.key(id, DeploymentFailure)))


async def set_clock_correction(
    info: Info, deployment_id: strawberry.ID, seconds: int, note: str | None = None
) -> Deployment:
    """Corrects the clock of a deployment's camera. All its media are dated anew; what the camera wrote stays.

    deployment_id: The deployment.
    seconds: What to add to the times that the camera wrote; negative if its clock was fast.
    note: Why the clock is corrected.
    """
    async with info.context.writing() as session:
        return await clocks.set_clock_correction(
            session, info.context.viewer, ids.key(deployment_id, Deployment), seconds=seconds, note=note
        )


async def clear_clock_correction(info: Info, deployment_id: strawberry.ID) -> Deployment:
    """Takes the correction of a clock back: all media of the deployment have the times that the camera wrote.

    deployment_id: The deployment.
    """
    async with info.context.writing() as session:
        return await clocks.clear_clock_correction(session, info.context.viewer, ids.key(deployment_id, Deployment))
