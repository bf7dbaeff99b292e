"""Datasets, areas and labels."""

import strawberry
from shapely import Polygon
from sqlalchemy import Select
from strawberry.scalars import JSON

from app import checks
from app.models import (
    AOI,
    Contributions,
    Dataset,
    DatasetStatus,
    Label,
    Team,
    User,
)
from app.pagination import Order
from app.policies import visible
from app.services import mapping
from app.services.mapping import LabelUpload
from app.settings import settings
from resolvers import ids
from resolvers.context import Info
from resolvers.mapping.changes import given


class NamedOrder(Order):
    """By age, by last change, or by name."""

    NEWEST = ("id", True)
    OLDEST = ("id", False)
    LAST_MODIFIED = ("last_modified", True)
    NAME = ("name", False)


async def dataset(info: Info, id: strawberry.ID) -> Dataset:
    """A dataset by its id.

    id: Its id.
    """
    return await info.context.find(Dataset, id)


def datasets(
    info: Info,
    status: DatasetStatus | None = None,
    user_id: strawberry.ID | None = None,
    search: str | None = None,
) -> Select[Dataset]:
    """Datasets.

    status: Only those with this status.
    user_id: Only those of this person.
    search: Only those with this text in their name, in capitals or not.
    """
    found = visible(Dataset, info.context.viewer)
    if status is not None:
        found = found.where(Dataset.status == status)
    if user_id is not None:
        found = found.where(Dataset.user_id == ids.key(user_id, User))
    sought = checks.optional_text("search", search, length_max=settings.name_length_max)
    return found if sought is None else found.where(Dataset.name.icontains(sought, autoescape=True))


async def aoi(info: Info, id: strawberry.ID) -> AOI:
    """An area of interest by its id.

    id: Its id.
    """
    return await info.context.find(AOI, id)


async def label(info: Info, id: strawberry.ID) -> Label:
    """A label by its id.

    id: Its id.
    """
    return await info.context.find(Label, id)


async def create_dataset(
    info: Info,
    name: str,
    source_imagery: str | None = None,
    status: DatasetStatus = DatasetStatus.DRAFT,
    offset: list[float] | None = None,
    contributions: Contributions = Contributions.OWNER,
    team_id: strawberry.ID | None = None,
) -> Dataset:
    """Makes an empty dataset.

    name: Its name, at most 50 characters.
    source_imagery: The imagery's URL template, with {z}, {x} and {y} ({-y} for TMS) or {q}.
    status: In the making, used, or put away.
    offset: How far labels are to be moved, [x, y] in metres of EPSG:3857, to lie upon the imagery.
    contributions: Who may add areas and labels to it beside its owner.
    team_id: Whose people may, if contributions are the team's.
    """
    async with info.context.writing() as session:
        return await mapping.create_dataset(
            session,
            info.context.viewer,
            name=name,
            source_imagery=source_imagery,
            status=status,
            offset=offset if offset is not None else (0.0, 0.0),
            contributions=contributions,
            team_id=None if team_id is None else ids.key(team_id, Team),
        )


async def update_dataset(
    info: Info,
    id: strawberry.ID,
    name: strawberry.Maybe[str] = None,
    source_imagery: strawberry.Maybe[str | None] = None,
    status: strawberry.Maybe[DatasetStatus] = None,
    offset: strawberry.Maybe[list[float]] = None,
    contributions: strawberry.Maybe[Contributions] = None,
    team_id: strawberry.Maybe[strawberry.ID] = None,
) -> Dataset:
    """Changes what is given of a dataset and leaves the rest.

    id: Which dataset.
    name: Its new name.
    source_imagery: Its new imagery; null takes it away.
    status: Its new status.
    offset: Its new offset, [x, y] in metres of EPSG:3857.
    contributions: Who may add areas and labels to it beside its owner.
    team_id: Whose people may, if contributions are the team's.
    """
    changes = given(name=name, source_imagery=source_imagery, status=status, offset=offset, contributions=contributions)
    if team_id is not None:
        changes["team_id"] = ids.key(team_id.value, Team)
    async with info.context.writing() as session:
        return await mapping.update_dataset(session, info.context.viewer, ids.key(id, Dataset), changes)


async def create_aoi(info: Info, dataset_id: strawberry.ID, geom: Polygon) -> AOI:
    """Draws an area of interest: within it, everything that is not labelled counts as absent.

    dataset_id: The dataset it belongs to.
    geom: Its boundary.
    """
    async with info.context.writing() as session:
        return await mapping.create_aoi(
            session, info.context.viewer, dataset_id=ids.key(dataset_id, Dataset), geom=geom
        )


async def upload_labels(info: Info, aoi_id: strawberry.ID, geojson: JSON, replace: bool = False) -> LabelUpload:
    """Adds labels to an area: all of them, or none if one is wrong.

    aoi_id: The area.
    geojson: A GeoJSON FeatureCollection of Polygons and MultiPolygons; properties are kept as tags.
    replace: Whether labels uploaded earlier make way.
    """
    async with info.context.writing() as session:
        return await mapping.upload_labels(
            session, info.context.viewer, aoi_id=ids.key(aoi_id, AOI), geojson=geojson, replace=replace
        )


async def fetch_osm_labels(info: Info, aoi_id: strawberry.ID) -> AOI:
    """Begins to fetch an area's buildings from OpenStreetMap; they replace those fetched before, and no others.

    aoi_id: The area.
    """
    async with info.context.writing() as session:
        return await mapping.ask_for_osm_labels(session, info.context.viewer, aoi_id=ids.key(aoi_id, AOI))
