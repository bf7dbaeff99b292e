"""GraphQL types for locations, deployments and failures."""

from typing import TYPE_CHECKING, Annotated

import strawberry
from shapely import Point
from strawberry import auto

from app.models.wildlife import deployments as tables
from resolvers.wildlife.media import pictures
from resolvers.wildlife.places import deployments as resolve_time
from resolvers.wildlife.places import locations as resolve
from schema.accounts import User
from schema.deleted import Deleted
from schema.fields import Connection, computed, connection, field, many, mutation, one
from schema.problems import Conflict, InvalidInput, LimitReached
from schema.row import Row
from schema.wildlife.media.pictures import ActivityChart
from schema.wildlife.projects import ResearchProject

if TYPE_CHECKING:
    from schema.wildlife.media.types import Sequence


class Location(Row, of=tables.Location):
    location_id: auto
    name: auto
    description: auto
    point: Point = computed(resolve.point, needs_read=True)
    timezone: auto
    ignore_dst: auto
    coordinate_uncertainty: float | None = computed(resolve.coordinate_uncertainty)
    habitat: auto
    is_public: auto
    country: auto
    state: auto
    county: auto
    city: auto
    created_at: auto
    last_modified: auto
    research_project: ResearchProject = one(tables.Location.research_project, needs_read=True)
    owner: User | None = one(tables.Location.owner)
    deployments: Connection["Deployment"] = many(tables.Location.deployments, order=resolve_time.DeploymentOrder)


class Deployment(Row, of=tables.Deployment):
    deployment_code: auto
    deployment_id: auto
    starts_at: auto
    ends_at: auto
    utc_offset_minutes: auto
    setup_by: auto
    camera_id: auto
    camera_model: auto
    camera_delay: auto
    camera_height: auto
    camera_depth: auto
    camera_tilt: auto
    camera_heading: auto
    detection_distance: auto
    timestamp_issues: auto
    correct_setup: auto
    correct_tstamp: auto
    view_quality: auto
    bait_use: auto
    bait_type: auto
    feature_type: auto
    habitat: auto
    session: auto
    array: auto
    deployment_groups: auto
    deployment_tags: auto
    comments: auto
    clock_correction_s: auto
    clock_correction_note: auto
    clock_corrected_at: auto
    sequence_gap_s: auto
    file_name_pattern: auto
    created_at: auto
    last_modified: auto
    research_project: ResearchProject = one(tables.Deployment.research_project, needs_read=True)
    location: Location = one(tables.Deployment.location, needs_read=True)
    owner: User | None = one(tables.Deployment.owner)
    activity_chart: ActivityChart | None = field(pictures.activity_chart)
    clock_corrected_by: User | None = one(tables.Deployment.clock_corrected_by)
    failures: Connection["DeploymentFailure"] = many(tables.Deployment.failures)
    sequences: Connection[Annotated["Sequence", strawberry.lazy("schema.wildlife.media.types")]] = many(
        tables.Deployment.sequences
    )


class DeploymentFailure(Row, of=tables.DeploymentFailure):
    starts_at: auto
    ends_at: auto
    reason: auto
    created_at: auto
    deployment: Deployment = one(tables.DeploymentFailure.deployment, needs_read=True)


@strawberry.type
class PlacesQuery:
    location: Location | None = field(resolve.location)
    locations: Connection[Location] = connection(resolve.locations)
    deployment: Deployment | None = field(resolve_time.deployment)
    deployments: Connection[Deployment] = connection(resolve_time.deployments, order=resolve_time.DeploymentOrder)


@strawberry.type
class PlacesMutation:
    create_location: Location | InvalidInput | Conflict | LimitReached = mutation(resolve.create_location)
    update_location: Location | InvalidInput | Conflict = mutation(resolve.update_location)
    delete_location: Deleted | Conflict = mutation(resolve.delete_location)
    create_deployment: Deployment | InvalidInput | Conflict | LimitReached = mutation(resolve_time.create_deployment)
    update_deployment: Deployment | InvalidInput | Conflict = mutation(resolve_time.update_deployment)
    delete_deployment: Deleted | Conflict = mutation(resolve_time.delete_deployment)
    create_deployment_failure: DeploymentFailure | InvalidInput | Conflict | LimitReached = mutation(
        resolve_time.create_deployment_failure
    )
    update_deployment_failure: DeploymentFailure | InvalidInput | Conflict = mutation(
        resolve_time.update_deployment_failure
    )
    delete_deployment_failure: Deleted = mutation(resolve_time.delete_deployment_failure)
    set_clock_correction: Deployment | InvalidInput = mutation(resolve_time.set_clock_correction)
    clear_clock_correction: Deployment = mutation(resolve_time.clear_clock_correction)
