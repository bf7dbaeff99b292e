"""Datasets, areas and labels."""

import strawberry
from shapely import Polygon
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Select
from strawberry.scalars import JSON

from app import checks
from app.formats.labels import label_files
from app.formats.labels.skipping import Skipped
from app.gateways.osm import BUILDINGS
from app.limits.texts import NAME_LENGTH_MAX
from app.models.accounts import Team, User
from app.models.mapping.datasets import AOI, Contributions, Dataset, DatasetStatus, Label, LabelOrigin
from app.models.mapping.imports import LabelFormat, LabelImport
from app.pagination import Order
from app.policies import visible
from app.policies.accounts import is_by
from app.services.mapping.datasets import editing
from app.services.mapping.labels import imports
from app.services.mapping.labels import uploads as uploads_service
from app.services.mapping.labels.uploads import LabelUpload
from app.services.system.files import uploads
from app.services.system.files.uploads import UploadLink
from app.telemetry.metering import in_thread
from resolvers import ids
from resolvers.context import Info
from resolvers.loaders import RowOrReference
from resolvers.optional_arguments import provided
from resolvers.spatial_filters import placed


class NamedOrder(Order):
    """By age, last change or name.

    NEWEST: The newest first.
    OLDEST: The oldest first.
    LAST_MODIFIED: The last changed first.
    NAME: By name, from A to Z.
    """

    NEWEST = ("id", True)
    OLDEST = ("id", False)
    LAST_MODIFIED = ("last_modified", True)
    NAME = ("name", False)


async def dataset(info: Info, id: strawberry.ID) -> RowOrReference[Dataset]:
    """A dataset by its id.

    id: The id of the dataset.
    """
    return await info.context.find(Dataset, id)


def datasets(
    info: Info,
    status: DatasetStatus | None = None,
    user_id: strawberry.ID | None = None,
    search: str | None = None,
    bbox: list[float] | None = None,
    intersects: BaseGeometry | None = None,
) -> Select[Dataset]:
    """Datasets.

    status: Only datasets with this status.
    user_id: Only datasets of this user.
    search: Only datasets whose name contains this text, ignoring case.
    bbox: Only datasets with an area whose bounding box intersects [west, south, east, north].
    intersects: Only datasets with an area that intersects this geometry.
    """
    query = visible(Dataset, info.context.viewer)
    if status is not None:
        query = query.where(Dataset.status == status)
    if user_id is not None:
        query = query.where(is_by(info.context.viewer, Dataset.user_id, ids.key(user_id, User)))
    query = placed(query, AOI.geom, bbox=bbox, intersects=intersects, through=Dataset.aois.any)
    sought = checks.optional_text("search", search, length_max=NAME_LENGTH_MAX)
    return query if sought is None else query.where(Dataset.name.icontains(sought, autoescape=True))


async def aoi(info: Info, id: strawberry.ID) -> RowOrReference[AOI]:
    """An area of interest by its id.

    id: The id of the area.
    """
    return await info.context.find(AOI, id)


def aois(
    info: Info,
    dataset_id: strawberry.ID | None = None,
    bbox: list[float] | None = None,
    intersects: BaseGeometry | None = None,
) -> Select[AOI]:
    """Areas of interest.

    dataset_id: Only areas of this dataset.
    bbox: Only areas whose bounding box intersects [west, south, east, north].
    intersects: Only areas that intersect this geometry.
    """
    query = placed(visible(AOI, info.context.viewer), AOI.geom, bbox=bbox, intersects=intersects)
    return query if dataset_id is None else query.where(AOI.dataset_id == ids.key(dataset_id, Dataset))


def labels(
    info: Info,
    dataset_id: strawberry.ID | None = None,
    aoi_id: strawberry.ID | None = None,
    origin: LabelOrigin | None = None,
    bbox: list[float] | None = None,
    intersects: BaseGeometry | None = None,
) -> Select[Label]:
    """Labels.

    dataset_id: Only labels in areas of this dataset.
    aoi_id: Only labels of this area.
    origin: Only labels of this origin.
    bbox: Only labels whose bounding box intersects [west, south, east, north].
    intersects: Only labels that intersect this geometry.
    """
    query = placed(visible(Label, info.context.viewer), Label.geom, bbox=bbox, intersects=intersects)
    if dataset_id is not None:
        query = query.where(Label.aoi.has(AOI.dataset_id == ids.key(dataset_id, Dataset)))
    if aoi_id is not None:
        query = query.where(Label.aoi_id == ids.key(aoi_id, AOI))
    return query if origin is None else query.where(Label.origin == origin)


async def label(info: Info, id: strawberry.ID) -> RowOrReference[Label]:
    """A label by its id.

    id: The id of the label.
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
    """Creates an empty dataset.

    name: The name, at most {texts.NAME_LENGTH_MAX} characters.
    source_imagery: The imagery's URL template, with {z}, {x} and {y} ({-y} for TMS) or {q}.
    status: In preparation, in use, or archived.
    offset: How far to move labels to align with the imagery, [x, y] in metres of EPSG:3857.
    contributions: Who may add areas and labels besides the owner.
    team_id: The team, if its members may contribute.
    """
    async with info.context.writing() as session:
        return await editing.create_dataset(
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
    """Updates the given fields of a dataset.

    id: The dataset.
    name: The new name.
    source_imagery: The new imagery; null clears it.
    status: The new status.
    offset: The new offset, [x, y] in metres of EPSG:3857.
    contributions: Who may add areas and labels besides the owner.
    team_id: The team, if its members may contribute.
    """
    changes = provided(
        name=name, source_imagery=source_imagery, status=status, offset=offset, contributions=contributions
    )
    if team_id is not None:
        changes["team_id"] = ids.key(team_id.value, Team)
    async with info.context.writing() as session:
        return await editing.update_dataset(session, info.context.viewer, ids.key(id, Dataset), changes)


async def create_aoi(info: Info, dataset_id: strawberry.ID, geom: Polygon) -> AOI:
    """Creates an area of interest. Within it, everything without a label counts as absent.

    dataset_id: The dataset.
    geom: The boundary.
    """
    async with info.context.writing() as session:
        return await editing.create_aoi(
            session, info.context.viewer, dataset_id=ids.key(dataset_id, Dataset), geom=geom
        )


@strawberry.input(description="An OpenStreetMap key, such as building.")
class OsmTagInput:
    """A key that features in OpenStreetMap have, such as building."""

    key: str = strawberry.field(description="The key.")
    values: list[str] = strawberry.field(default_factory=list, description="The accepted values; any value, if empty.")


def _tags(tags: list[OsmTagInput] | None) -> dict[str, list[str]] | None:
    return None if tags is None else {each.key: each.values for each in tags}


async def upload_labels(
    info: Info, aoi_id: strawberry.ID, geojson: JSON, replace: bool = False, strict: bool = False
) -> LabelUpload:
    """Adds labels to an area. Features that cannot be used are skipped and counted.

    aoi_id: The area.
    geojson: A GeoJSON FeatureCollection of Polygons and MultiPolygons. Properties are kept as tags.
    replace: Whether to remove labels uploaded earlier.
    strict: Whether to add nothing if a feature cannot be used.
    """
    viewer, key = info.context.viewer, ids.key(aoi_id, AOI)
    async with info.context.reading() as reading:
        area = await uploads_service.area_to_add_labels_to(reading, viewer, key)
    footprints, outside, skipped = await in_thread(
        label_files.sift_value, area, "geojson", geojson, BUILDINGS, is_strict=strict
    )
    async with info.context.writing() as session:
        return await uploads_service.upload_labels(
            session,
            viewer,
            aoi_id=key,
            footprints=footprints,
            outside=outside,
            skipped=skipped,
            replace=replace,
            strict=strict,
        )


async def fetch_osm_labels(info: Info, aoi_id: strawberry.ID, tags: list[OsmTagInput] | None = None) -> AOI:
    """Starts fetching the features of an area from OpenStreetMap. They replace only labels fetched before.

    aoi_id: The area.
    tags: Fetches features with any of these tags; buildings by default.
    """
    async with info.context.writing() as session:
        return await uploads_service.ask_for_osm_labels(
            session, info.context.viewer, aoi_id=ids.key(aoi_id, AOI), tags=_tags(tags)
        )


async def label_import(info: Info, id: strawberry.ID) -> RowOrReference[LabelImport]:
    """One of the viewer's imports by its id.

    id: The id of the import.
    """
    return await info.context.find(LabelImport, id)


def skipped(root: strawberry.Parent[LabelImport]) -> list[Skipped] | None:
    """Features that could not be used, by reason; null until it is finished."""
    return None if root.skipped is None else [Skipped.of(each) for each in root.skipped]


async def create_label_upload(info: Info, format: LabelFormat, bytes: int) -> UploadLink:
    """Returns a link to upload a file of labels to; pass its `upload` to `importLabels` afterwards.

    format: The format of the file.
    bytes: The size in bytes.
    """
    viewer = info.context.viewer
    async with uploads.pace_bytes(info.context.rates, viewer, bytes=bytes), info.context.writing() as session:
        return await imports.label_upload(session, viewer, format=format, bytes=bytes)


async def import_labels(
    info: Info,
    aoi_id: strawberry.ID,
    upload: str,
    tags: list[OsmTagInput] | None = None,
    replace: bool = False,
    strict: bool = False,
) -> LabelImport:
    """Starts importing the labels of an uploaded file into an area. Features that cannot be used are skipped.

    aoi_id: The area.
    upload: The `upload` value of the link the file was uploaded to.
    tags: Which areas of an OpenStreetMap file to import: those with any of these tags; all if empty; buildings by
        default.
    replace: Whether to remove labels uploaded earlier.
    strict: Whether to import nothing if a feature cannot be used.
    """
    viewer = info.context.viewer
    file = await uploads.uploaded(viewer, upload, use=imports.LABELS)
    async with info.context.writing() as session:
        return await imports.import_labels(
            session, viewer, aoi_id=ids.key(aoi_id, AOI), file=file, tags=_tags(tags), replace=replace, strict=strict
        )
