"""Links to pictures of media and to charts."""

import strawberry

from app.models.wildlife.classification_projects import ClassificationProject
from app.models.wildlife.deployments import Deployment
from app.models.wildlife.media import Resource
from app.services.wildlife.pictures import charts, media
from app.services.wildlife.pictures.charts import ActivityChart
from resolvers import ids
from resolvers.context import Info
from resolvers.wildlife.statistics.figures import WildlifeStatistics


async def annotated_link(
    root: strawberry.Parent[Resource], info: Info, classification_project_id: strawberry.ID | None = None
) -> str | None:
    """A link to the picture with its boxes, labels and confidences drawn, valid for {settings.file_link_s}.

    Approved observations, or those of all current rows while none is approved. People and vehicles are blurred for
    viewers outside the research project, by the rules of its classification projects. Null if there is no picture, and
    if it is withheld from the viewer.

    classification_project_id: The classification project whose observations are drawn; by default the newest that has
        any.
    """
    key = None if classification_project_id is None else ids.key(classification_project_id, ClassificationProject)
    async with info.context.reading() as session:
        return await media.annotated_link(session, info.context.viewer, root, key)


async def activity_chart(
    root: strawberry.Parent[Deployment], info: Info, classification_project_id: strawberry.ID | None = None
) -> ActivityChart | None:
    """When animals are about at this deployment: independent records by the hour of the day.

    Approved records that are 60 minutes apart. Null for viewers who see no classification project with its media.

    classification_project_id: The classification project; by default the oldest with media of the deployment.
    """
    key = None if classification_project_id is None else ids.key(classification_project_id, ClassificationProject)
    async with info.context.reading() as session:
        return await charts.activity_chart(session, info.context.viewer, root, key)


def overview_chart(root: strawberry.Parent[WildlifeStatistics], info: Info) -> str:
    """A link to the project at a glance as PNG, valid for {settings.file_link_s}.

    Deployments and their failures, independent records of each species, and media by the state of their classification.
    Its numbers are those of `effort`, `independentRecords` and `progress`. The filter does not apply.
    """
    return charts.overview_link(info.context.viewer, root.project)


def deployment_map(root: strawberry.Parent[WildlifeStatistics], info: Info) -> str:
    """A link to a map of the project's places as PNG, valid for {settings.file_link_s}.

    Points on a graticule with a scale, larger the more approved media show something. The filter does not apply.
    """
    return charts.map_link(info.context.viewer, root.project)
