"""Charts behind signed links: the activity at a deployment, a project at a glance, and a map of its places."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from app import parsing
from app.database import ReadSession
from app.models.wildlife.classification_projects import ClassificationProject
from app.models.wildlife.classifications import Classification, ClassificationType
from app.models.wildlife.deployments import Deployment, Location
from app.models.wildlife.species import Species
from app.pictures import charts, maps
from app.policies import Viewer, visible
from app.policies.wildlife.places import may_see_exact_place, shown_point
from app.services import links
from app.services.wildlife.pictures.media import ROUTE
from app.services.wildlife.statistics.choices import ClockTime, Filter, Independence
from app.services.wildlife.statistics.independence import independent_records
from app.services.wildlife.statistics.operations import operations
from app.services.wildlife.statistics.progress import progress
from app.services.wildlife.statistics.time_of_day.activity import activity_of
from app.services.wildlife.statistics.time_of_day.circular import HOURS

ACTIVITY = links.Kind("activity-chart", ROUTE, Deployment)
OVERVIEW = links.Kind("project-overview", ROUTE, ClassificationProject)
MAP = links.Kind("deployment-map", ROUTE, ClassificationProject)
MEDIA_TYPE = "image/png"
SPECIES_MAX, DEPLOYMENTS_MAX, PLACES_MAX = 25, 200, 2_000


@dataclass(frozen=True)
class ActivityChart:
    """Independent records of approved animals at a deployment by the hour of the day: as numbers, and as PNG."""

    project_id: int
    local: Sequence[int]
    solar: Sequence[int]
    link: str


async def activity_chart(
    session: ReadSession, viewer: Viewer, deployment: Deployment, project_id: int | None
) -> ActivityChart | None:
    """The chart of a deployment, from the project given or the oldest with its media; None for who sees none."""
    query = visible(ClassificationProject, viewer).where(
        ClassificationProject.id.in_(
            select(Classification.project_id).where(Classification.deployment_id == deployment.id)
        )
    )
    if project_id is not None:
        query = query.where(ClassificationProject.id == project_id)
    project = await session.scalar(query.order_by(ClassificationProject.id).limit(1))
    if project is None:
        return None
    local = await _hours(session, project.id, deployment.id, ClockTime.LOCAL)
    solar = await _hours(session, project.id, deployment.id, ClockTime.SOLAR)
    return ActivityChart(project.id, local, solar, links.signed(ACTIVITY, viewer, deployment.id, project.id))


async def _hours(session: ReadSession, project_id: int, deployment_id: int, clock: ClockTime) -> Sequence[int]:
    chosen = Filter(deployment_ids=[deployment_id])
    activity = await activity_of(session, project_id, chosen, Independence(), clock=clock, times_max=0)
    assert len(activity.hours) == HOURS
    return activity.hours


def overview_link(viewer: Viewer, project: ClassificationProject) -> str:
    """A link to the overview of a project as PNG."""
    return links.signed(OVERVIEW, viewer, project.id)


def map_link(viewer: Viewer, project: ClassificationProject) -> str:
    """A link to the map of a project's places as PNG."""
    return links.signed(MAP, viewer, project.id)


async def chart(session: ReadSession, opened: links.Opened) -> tuple[Any, list[Any]]:
    """What draws the chart of a link, and its arguments: as things are now, for who may still see them."""
    if opened.kind is ACTIVITY:
        [project_id] = opened.facts
        picture = await activity_chart(session, opened.holder, opened.row, project_id)
        hours = ([0] * HOURS, [0] * HOURS) if picture is None else (list(picture.local), list(picture.solar))
        return charts.activity_chart, [opened.row.deployment_id, *hours]
    if opened.kind is MAP:
        return maps.deployment_map, [opened.row.name, await _places(session, opened.holder, opened.row)]
    return charts.overview_chart, await _overview(session, opened.row)


async def _places(session: ReadSession, viewer: Viewer, project: ClassificationProject) -> list[list[Any]]:
    """The places with media of a project, as the viewer sees them, and how many approved media show something."""
    shown = shown_point(viewer)
    something = Classification.is_approved & ~Classification.is_blank & ~Classification.is_setup
    rows = (
        select(
            func.coalesce(Location.name, Location.location_id),
            func.ST_X(shown),
            func.ST_Y(shown),
            func.count().filter(something),
            ~may_see_exact_place(viewer),
        )
        .join(Deployment, Deployment.location_id == Location.id)
        .join(Classification, Classification.deployment_id == Deployment.id)
        .where(Classification.project_id == project.id, Classification.classification_type == ClassificationType.FINAL)
        .group_by(Location.id)
        .order_by(Location.id)
        .limit(PLACES_MAX)
    )
    return [list(row) for row in (await session.execute(rows)).all()]


async def _overview(session: ReadSession, project: ClassificationProject) -> list[Any]:
    chosen = Filter()
    deployments = [
        [each.deployment_name, each.start.timestamp(), each.end.timestamp(),
         [[start.timestamp(), end.timestamp()] for start, end in each.failures]]
        for each in (await operations(session, project.id, chosen))[:DEPLOYMENTS_MAX]
    ]  # fmt: skip
    taxa = (await independent_records(session, project.id, chosen, Independence()))[:SPECIES_MAX]
    rows = select(Species.id, Species.scientific_name).where(Species.id.in_([taxon.species_id for taxon in taxa]))
    names: dict[int | None, str] = dict((await session.execute(rows)).all())
    species = [[names.get(taxon.species_id, taxon.observation_type.lower()), taxon.independent] for taxon in taxa]
    total, _ = await progress(session, project.id)
    states = [total.approved, total.classified, total.classified_ai, total.unclassified]
    return [project.name, deployments, species, states]


async def drawn(draw: Any, arguments: Sequence[Any]) -> bytes:
    """The file, drawn in a child."""
    return bytes(await parsing.run(draw, *arguments))
