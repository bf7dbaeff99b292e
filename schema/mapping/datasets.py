"""What clients see of datasets, their areas and their labels."""

from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import auto

from app import models as tables
from app.services import mapping
from app.services.system import Pace
from app.settings import settings
from resolvers import mapping as resolve
from schema.accounts import User
from schema.fields import Connection, connection, field, many, mutation, one
from schema.problems import Conflict, InvalidInput, LimitReached
from schema.row import Row, shows

if TYPE_CHECKING:
    from schema.accounts.teams import Team
    from schema.mapping.quality import Inspection
    from schema.mapping.trainings import Model
    from schema.social.posts import Post

for enum in (
    tables.Contributions,
    tables.DatasetStatus,
    tables.DownloadStatus,
    tables.LabelOrigin,
    tables.TrainingStatus,
    mapping.FileFormat,
):
    strawberry.enum(enum, description=enum.__doc__)


class Label(Row, of=tables.Label):
    geom: auto
    origin: auto
    osm_id: auto
    osm_type: auto
    tags: auto
    created_at: auto
    user: User | None = one(tables.Label.user)
    aoi: "AOI" = one(tables.Label.aoi)


class AOI(Row, of=tables.AOI):
    geom: auto
    label_status: auto
    label_fetched: auto
    label_error: auto
    label_tags: auto
    created_at: auto
    last_modified: auto
    user: User | None = one(tables.AOI.user)
    dataset: "Dataset" = one(tables.AOI.dataset)
    labels: Connection[Label] = many(tables.AOI.labels, size_max=settings.labels_page_size_max)
    labels_link: str = field(resolve.area_labels_link)
    gpx_link: str = field(resolve.gpx_link)


class Dataset(Row, of=tables.Dataset):
    name: auto
    source_imagery: auto
    status: auto
    offset: auto
    contributions: auto
    created_at: auto
    last_modified: auto
    user: User | None = one(tables.Dataset.user)
    team: Annotated["Team", strawberry.lazy("schema.accounts.teams")] | None = one(tables.Dataset.team)
    aois: Connection[AOI] = many(tables.Dataset.aois)
    labels_link: str = field(resolve.dataset_labels_link)
    models: Connection[Annotated["Model", strawberry.lazy("schema.mapping.trainings")]] = many(
        tables.Dataset.models, order=resolve.NamedOrder
    )
    posts: Connection[Annotated["Post", strawberry.lazy("schema.social.posts")]] = many(tables.Dataset.posts)
    inspections: Connection[Annotated["Inspection", strawberry.lazy("schema.mapping.quality")]] = many(
        tables.Dataset.inspections
    )


@shows(mapping.LabelUpload)
class LabelUpload:
    aoi: AOI = strawberry.field(description="The area.")
    added: int = strawberry.field(description="How many labels were added.")
    outside: int = strawberry.field(description="How many were left out because they share no ground with the area.")


@shows(resolve.Deleted)
class Deleted:
    deleted_id: strawberry.ID = strawberry.field(description="The id it had.")


@strawberry.type
class DatasetsQuery:
    dataset: Dataset | None = field(resolve.dataset)
    datasets: Connection[Dataset] = connection(resolve.datasets, order=resolve.NamedOrder)
    aoi: AOI | None = field(resolve.aoi)
    aois: Connection[AOI] = connection(resolve.aois)
    label: Label | None = field(resolve.label)
    labels: Connection[Label] = connection(resolve.labels, size_max=settings.labels_page_size_max)


@strawberry.type
class DatasetsMutation:
    create_dataset: Dataset | InvalidInput = mutation(resolve.create_dataset)
    update_dataset: Dataset | InvalidInput = mutation(resolve.update_dataset)
    delete_dataset: Deleted | Conflict = mutation(resolve.delete_dataset)
    create_aoi: AOI | InvalidInput | LimitReached = mutation(
        resolve.create_aoi, request_bytes_max=settings.shape_request_bytes_max
    )
    update_aoi: AOI | InvalidInput | Conflict = mutation(
        resolve.update_aoi, request_bytes_max=settings.shape_request_bytes_max
    )
    delete_aoi: Deleted | Conflict = mutation(resolve.delete_aoi)
    create_label: Label | InvalidInput | LimitReached = mutation(
        resolve.create_label, request_bytes_max=settings.shape_request_bytes_max
    )
    update_label: Label | InvalidInput = mutation(
        resolve.update_label, request_bytes_max=settings.shape_request_bytes_max
    )
    delete_label: Deleted = mutation(resolve.delete_label)
    upload_labels: LabelUpload | InvalidInput | LimitReached = mutation(
        resolve.upload_labels, pace=Pace.UPLOADS, request_bytes_max=settings.labels_request_bytes_max
    )
    fetch_osm_labels: AOI | InvalidInput | Conflict = mutation(resolve.fetch_osm_labels, pace=Pace.JOBS)
