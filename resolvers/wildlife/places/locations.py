"""Locations."""

from typing import Any

import strawberry
from shapely import Point
from shapely.geometry.base import BaseGeometry
from sqlalchemy import ColumnElement, Select

from app import checks
from app.limits.wildlife import PROJECT_NAME_LENGTH_MAX
from app.models.wildlife.deployments import Location
from app.models.wildlife.projects import ResearchProject
from app.policies import AnyViewer, visible
from app.policies.wildlife.places import shown_point, shown_uncertainty
from app.services.wildlife.places import locations as locations_service
from resolvers import ids
from resolvers.context import Info
from resolvers.deleted import Deleted
from resolvers.loaders import RowOrReference
from resolvers.optional_arguments import provided
from resolvers.spatial_filters import placed


def point(viewer: AnyViewer) -> ColumnElement[Any]:
    """Where it is; on a grid of a tenth of a degree for non-members where a sensitive species was seen."""
    return shown_point(viewer)


def coordinate_uncertainty(viewer: AnyViewer) -> ColumnElement[Any]:
    """How far the true place may be from the point, in metres; more where the point is coarser."""
    return shown_uncertainty(viewer)


async def location(info: Info, id: strawberry.ID) -> RowOrReference[Location]:
    """A location by its id.

    id: The id of the location.
    """
    return await info.context.find(Location, id)


def locations(
    info: Info,
    research_project_id: strawberry.ID | None = None,
    search: str | None = None,
    bbox: list[float] | None = None,
    intersects: BaseGeometry | None = None,
) -> Select[Location]:
    """Locations.

    research_project_id: Only locations of this research project.
    search: Only locations whose id or name contains this text, ignoring case.
    bbox: Only locations within [west, south, east, north].
    intersects: Only locations within this geometry.
    """
    viewer = info.context.viewer
    query = placed(visible(Location, viewer), shown_point(viewer), bbox=bbox, intersects=intersects)
    if research_project_id is not None:
        query = query.where(Location.research_project_id == ids.key(research_project_id, ResearchProject))
    sought = checks.optional_text("search", search, length_max=PROJECT_NAME_LENGTH_MAX)
    if sought is None:
        return query
    named = Location.location_id.icontains(sought, autoescape=True)
    return query.where(named | Location.name.icontains(sought, autoescape=True))


async def create_location(
    info: Info,
    research_project_id: strawberry.ID,
    location_id: str,
    point: Point,
    timezone: str,
    name: str | None = None,
    description: str | None = None,
    ignore_dst: bool = False,
    coordinate_uncertainty: float | None = None,
    habitat: str | None = None,
    is_public: bool = False,
    country: str | None = None,
    state: str | None = None,
    county: str | None = None,
    city: str | None = None,
) -> Location:
    """Creates a location. For those who work in the research project.

    research_project_id: The research project.
    location_id: The project's own id of the place, unique within it.
    point: Where it is.
    timezone: The IANA time zone, such as Europe/Warsaw.
    name: The name.
    description: A description.
    ignore_dst: Whether the cameras stay on standard time all year.
    coordinate_uncertainty: How far the true place may be from the point, in metres.
    habitat: The habitat.
    is_public: Whether everybody sees it, if the project is public.
    country: The country.
    state: The state or province.
    county: The county or district.
    city: The city or municipality.
    """
    fields: dict[str, Any] = {
        "location_id": location_id,
        "point": point,
        "timezone": timezone,
        "name": name,
        "description": description,
        "ignore_dst": ignore_dst,
        "coordinate_uncertainty": coordinate_uncertainty,
        "habitat": habitat,
        "is_public": is_public,
        "country": country,
        "state": state,
        "county": county,
        "city": city,
    }
    project_key = ids.key(research_project_id, ResearchProject)
    async with info.context.writing() as session:
        return await locations_service.create_location(session, info.context.viewer, project_key, fields)


async def update_location(
    info: Info,
    id: strawberry.ID,
    location_id: strawberry.Maybe[str] = None,
    point: strawberry.Maybe[Point] = None,
    timezone: strawberry.Maybe[str] = None,
    name: strawberry.Maybe[str | None] = None,
    description: strawberry.Maybe[str | None] = None,
    ignore_dst: strawberry.Maybe[bool] = None,
    coordinate_uncertainty: strawberry.Maybe[float | None] = None,
    habitat: strawberry.Maybe[str | None] = None,
    is_public: strawberry.Maybe[bool] = None,
    country: strawberry.Maybe[str | None] = None,
    state: strawberry.Maybe[str | None] = None,
    county: strawberry.Maybe[str | None] = None,
    city: strawberry.Maybe[str | None] = None,
) -> Location:
    """Updates the given fields of a location. A new zone dates all its media anew.

    id: The location.
    location_id: The project's own id of the place. The ids of its deployments stay as they are.
    point: Where it is.
    timezone: The IANA time zone.
    name: The name; null clears it.
    description: A description; null clears it.
    ignore_dst: Whether the cameras stay on standard time all year.
    coordinate_uncertainty: How far the true place may be from the point, in metres; null clears it.
    habitat: The habitat; null clears it.
    is_public: Whether everybody sees it, if the project is public.
    country: The country; null clears it.
    state: The state or province; null clears it.
    county: The county or district; null clears it.
    city: The city or municipality; null clears it.
    """
    changes = provided(
        location_id=location_id,
        point=point,
        timezone=timezone,
        name=name,
        description=description,
        ignore_dst=ignore_dst,
        coordinate_uncertainty=coordinate_uncertainty,
        habitat=habitat,
        is_public=is_public,
        country=country,
        state=state,
        county=county,
        city=city,
    )
    async with info.context.writing() as session:
        return await locations_service.update_location(session, info.context.viewer, ids.key(id, Location), changes)


async def delete_location(info: Info, id: strawberry.ID) -> Deleted:
    """Deletes a location without deployments.

    id: The location.
    """
    async with info.context.writing() as session:
        return Deleted.of(await locations_service.delete_location(session, info.context.viewer, ids.key(id, Location)))
